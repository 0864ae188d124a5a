"""A stage in this process behind the interface of a Serve handle, so that graph code is tested without Ray."""

import asyncio
import inspect


class LocalHandle:
    """`handle.method.remote(...)` calls the stage's async method; awaitables among the arguments are awaited first."""

    def __init__(self, stage):
        self._stage = stage

    def __getattr__(self, name):
        return _Method(getattr(self._stage, name))


class _Method:
    def __init__(self, method):
        self._method = method

    def remote(self, *args):
        return asyncio.ensure_future(self._call(args))

    async def _call(self, args):
        return await self._method(*[await arg if inspect.isawaitable(arg) else arg for arg in args])
