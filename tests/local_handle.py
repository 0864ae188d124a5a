"""A stage in this process behind the interface of a Serve handle, so that graph code is tested without Ray."""

import asyncio
import inspect


class LocalHandle:
    """`handle.method.remote(...)` calls the stage's async method; awaitables among the arguments are awaited first."""

    def __init__(self, stage):
        self._stage = stage

    def __getattr__(self, name):
        return _Method(getattr(self._stage, name))

    def options(self, *, stream):
        """The same handle: what streams is told by the method."""
        assert stream
        return self


class _Method:
    def __init__(self, method):
        self._method = method

    def remote(self, *args):
        if inspect.isasyncgenfunction(self._method):
            return self._steps(args)
        return asyncio.ensure_future(self._call(args))

    async def _call(self, args):
        return await self._method(*await _values(args))

    async def _steps(self, args):
        async for step in self._method(*await _values(args)):
            yield step


async def _values(args):
    return [await arg if inspect.isawaitable(arg) else arg for arg in args]
