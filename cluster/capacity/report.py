"""A plan in figures, each with where it is from."""

from dataclasses import asdict, dataclass
from typing import Any

from cluster.capacity.plan import PERCENTILE, Plan

SEED_USD_PER_VIDEO = 0.001
"""What a video is hoped to cost."""


@dataclass(frozen=True)
class Figure:
    """A number, and whether it is given, measured, computed, assumed or a list price."""

    name: str
    value: float
    unit: str
    source: str


def figures(plan: Plan) -> list[Figure]:
    """All of them, what it follows from first."""
    return [*_asked(plan), *_measured(plan), *_machines(plan), *_sizes(plan), *_waits(plan), *_money(plan)]


def as_json(plan: Plan) -> dict[str, Any]:
    """The figures, the replicas by stage, and what the nodes run out of first."""
    return {
        "figures": [asdict(figure) for figure in figures(plan)],
        "replicas": plan.replicas,
        "bound_by": plan.bound_by,
        "node": asdict(plan.node),
    }


def as_text(plan: Plan) -> str:
    """The same as a table."""
    rows = [(figure.name, f"{figure.value:,.6g} {figure.unit}", figure.source) for figure in figures(plan)]
    names, values = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"{name:{names}}  {value:>{values}}  {source}" for name, value, source in rows)


def _asked(plan: Plan) -> list[Figure]:
    demand = plan.demand
    speech_s = sum(demand.speech_s) / len(demand.speech_s)
    return [
        Figure("videos asked for", demand.videos_per_h, "/h", "given"),
        Figure("of them cache hits", 100 * demand.hit_share, "%", "given"),
        Figure("busiest hour by the average", demand.peak_factor, "times", "given"),
        Figure("speech in a video, on average", round(speech_s, 2), "s", "given"),
    ]


def _measured(plan: Plan) -> list[Figure]:
    times, video = plan.times, plan.video
    measured = f"measured: {times.cpu}, {times.cores} cores, {times.size}, {times.engine}"
    on_gpu = f"{measured}; but for the GPU's part" if plan.node.gpus else measured
    host = "assumed: a core is busy as long as the GPU" if plan.node.gpus else measured
    cpu = [
        Figure(f"core-seconds a video: {stage}", round(seconds, 3), "s", host if stage == "lipsync" else measured)
        for stage, seconds in video.cpu_s.items()
    ]
    return [Figure("a video holds its place", round(video.place_s, 3), "s", on_gpu), *cpu]


def _machines(plan: Plan) -> list[Figure]:
    node, gpu = plan.node, plan.gpu
    found = [
        Figure(f"{node.name}: vCPUs", node.vcpus, "", "list"),
        Figure(f"{node.name}: GPUs", node.gpus, "", "list"),
        Figure("a vCPU by a measured core", node.core_speed, "times", "assumed"),
        Figure("of a node left free", 100 * node.free_share, "%", "assumed"),
    ]
    if node.gpus:
        found += [
            Figure("mouths a GPU makes", round(gpu.frames_per_s), "/s", gpu.source),
            Figure("GPU-seconds a video", round(plan.video.gpu_s, 3), "s", "computed"),
        ]
    return found


def _sizes(plan: Plan) -> list[Figure]:
    replicas = [Figure(f"replicas: {stage}", count, "", "computed") for stage, count in plan.replicas.items()]
    return [
        Figure("places (jobs.running)", plan.places, "", "computed"),
        *replicas,
        Figure("GPUs", plan.gpus, "", f"computed: num_gpus {1 / plan.gpu.replicas:g} a replica"),
        Figure("cores busy, all places taken", round(plan.cores, 2), "", "computed"),
        Figure("memory of the replicas", round(plan.memory_mb), "MB", "measured, times replicas"),
        Figure("nodes", plan.nodes, "", f"computed: bound by {plan.bound_by}"),
    ]


def _waits(plan: Plan) -> list[Figure]:
    queue = plan.queue
    model = "computed: M/G/c in the busiest hour"
    return [
        Figure("load of the places", round(100 * queue.load, 1), "%", model),
        Figure("share that waits", round(100 * queue.waiting(), 2), "%", model),
        Figure("mean wait", round(queue.mean_wait_s(), 3), "s", model),
        Figure("p95 wait", round(queue.wait_s(PERCENTILE), 3), "s", f"{model}; asked: {plan.demand.wait_s:g} s"),
    ]


def _money(plan: Plan) -> list[Figure]:
    node, average = plan.node, plan.in_average_hour()
    seed = f"computed; {SEED_USD_PER_VIDEO:g} was hoped for"
    enough = plan.nodes * node.usd_per_h / SEED_USD_PER_VIDEO
    return [
        Figure(f"{node.name} an hour", node.usd_per_h, "$", node.price_source),
        Figure("a month, all nodes on", round(plan.usd_per_month, 2), "$", "computed: 730 h"),
        Figure("a month, nodes of the average hour", round(average.usd_per_month, 2), "$", "computed: at best"),
        Figure("a video", round(plan.usd_per_video, 6), "$", seed),
        Figure("these nodes are full at", round(plan.full_videos_per_h), "/h", "computed"),
        Figure("a video then", round(plan.usd_per_video_full, 6), "$", "computed"),
        Figure(f"a video is below {SEED_USD_PER_VIDEO:g} $ from", round(enough), "/h", "computed"),
    ]
