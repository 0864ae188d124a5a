import json
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.capacity.__main__ import main
from cluster.capacity.demand import NODES, Demand
from cluster.capacity.measured import Line, Times
from cluster.capacity.plan import Gpu, Plan

CPU_S = {"ingress": 0.02, "jobs": 0.03, "storage": 0.02, "speech": 0.1, "faces": 0.05, "lipsync": 3.0, "video": 0.8}


def run(speech_s, size="512x512"):
    """One of the benchmark's runs, in which all takes longer in proportion, but for half a second."""
    stages = {"generate": 0.5 * speech_s, "encode": 0.1 * speech_s, "video": 0.5 * speech_s + 0.3}
    return {
        "size": size,
        "engine": "wav2lip",
        "speech_s": speech_s,
        "frames": round(25 * speech_s),
        "stages": stages,
        "held_s": [0.95 * (0.5 + 0.5 * speech_s), 1.05 * (0.5 + 0.5 * speech_s)],
        "cpu_s": {stage: seconds * speech_s for stage, seconds in CPU_S.items()},
    }


def bench(gpu=None):
    machine = {"cpu": "a CPU", "cores": 2, "memory_gib": 8.0, "gpu": gpu}
    memory_mb = dict.fromkeys(CPU_S, 200.0)
    return {"pipeline": {"runs": [run(2.0), run(6.0)], "memory_mb": memory_mb, "machine": machine}}


@pytest.fixture
def times_file(tmp_path) -> Path:
    path = tmp_path / "times.json"
    path.write_text(json.dumps(bench()))
    return path


@pytest.fixture
def times(times_file) -> Times:
    return Times.read(times_file)


DEMAND = Demand(videos_per_h=600, speech_s=(4.0,))
G4DN, M7I = NODES["g4dn.xlarge"], NODES["m7i.xlarge"]


def test_a_line_goes_through_its_points_and_never_below_nothing():
    assert Line.through([2.0, 6.0], [1.5, 3.5]).at(10.0) == pytest.approx(5.5)
    assert Line.through([2.0, 6.0], [1.0, 4.0]).fixed == 0.0


def test_times_are_read_from_the_benchmark(times):
    assert times.held_s.at(4.0) == pytest.approx(2.5)
    assert sorted(times.spread) == pytest.approx([0.95, 0.95, 1.05, 1.05])
    assert times.fps == pytest.approx(25.0)
    assert times.gpu_frames_per_s() is None


def test_on_processors_a_video_holds_its_place_as_long_as_was_measured(times):
    plan = Plan(times, DEMAND, M7I, Gpu())
    assert plan.video.place_s == pytest.approx(2.5)
    assert plan.video.cpu_s["lipsync"] == pytest.approx(12.0)
    assert plan.gpus == 0


def test_on_a_gpu_it_holds_it_as_long_as_the_slower_of_mouths_and_encoding_and_the_rest(times):
    slow, fast = Gpu(frames_per_s=100.0, source="given"), Gpu(frames_per_s=10_000.0, source="given")
    assert Plan(times, DEMAND, G4DN, slow).video.place_s == pytest.approx(0.5 + 4.0)  # 100 frames by 25 a second
    assert Plan(times, DEMAND, G4DN, fast).video.place_s == pytest.approx(0.5 + 0.4)  # encoding


def test_the_fewest_places_are_taken_that_meet_the_load_and_the_wait(times):
    plan = Plan(times, DEMAND, M7I, Gpu())
    taken = 600 / 3600 * 2.5
    assert plan.queue.load == pytest.approx(taken / plan.places)
    assert plan.queue.wait_s(0.95) <= DEMAND.wait_s
    fewer = replace(plan.queue, places=plan.places - 1, load=taken / (plan.places - 1)) if plan.places > 1 else None
    assert fewer is None or fewer.wait_s(0.95) > DEMAND.wait_s
    assert Plan(times, replace(DEMAND, wait_s=0.05), M7I, Gpu()).places > plan.places


def test_stages_keep_up_with_all_places_taken(times):
    plan = Plan(times, replace(DEMAND, videos_per_h=6000), G4DN, Gpu(frames_per_s=500.0, source="given"))
    video = plan.video
    for stage in ("speech", "faces", "video"):
        at_once = plan.places * video.cpu_s[stage] / video.place_s
        assert at_once <= plan.replicas[stage] < at_once + 1
    assert plan.gpus == plan.replicas["lipsync"] / 4
    assert plan.gpus >= plan.demand.made_per_s * video.gpu_s
    assert plan.nodes == -(-max(plan.needs.values()) // 1)


def test_a_month_is_the_price_of_the_nodes_and_a_video_its_share(times):
    plan = Plan(times, DEMAND, G4DN, Gpu())
    assert plan.usd_per_month == pytest.approx(plan.nodes * 0.526 * 730)
    assert plan.usd_per_video == pytest.approx(plan.nodes * 0.526 / 600)
    assert plan.usd_per_video_full == pytest.approx(plan.nodes * 0.526 / plan.full_videos_per_h)


def test_hits_are_not_made_and_peaks_take_more(times):
    demand = replace(DEMAND, videos_per_h=6000)
    plain, hits, peaks = (
        Plan(times, of, G4DN, Gpu()) for of in (demand, replace(demand, hit_share=0.8), replace(demand, peak_factor=4))
    )
    assert hits.places < plain.places < peaks.places
    assert hits.nodes < plain.nodes < peaks.nodes
    assert peaks.in_average_hour().nodes == plain.nodes


def test_one_jobs_replica_cannot_be_exceeded(times):
    with pytest.raises(ValueError, match="jobs stage is one replica"):
        Plan(times, replace(DEMAND, videos_per_h=1e6), G4DN, Gpu())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--videos-per-h", "0", "--speech-s", "7"], "videos an hour"),
        (["--videos-per-h", "nan", "--speech-s", "7"], "videos an hour"),
        (["--videos-per-h", "9", "--speech-s", "7", "-3"], "seconds of speech"),
        (["--videos-per-h", "9", "--speech-s", "7", "--hit-share", "1"], "cache hits"),
        (["--videos-per-h", "9", "--speech-s", "7", "--peak-factor", "0.5"], "peak factor"),
        (["--videos-per-h", "9", "--speech-s", "7", "--wait-s", "0"], "seconds of wait"),
        (["--videos-per-h", "9", "--speech-s", "7", "--max-load", "1"], "highest load"),
        (["--videos-per-h", "9", "--speech-s", "7", "--usd-per-h", "-1"], "dollars an hour"),
        (["--videos-per-h", "9", "--speech-s", "7", "--gpu-frames-per-s", "0"], "frames a second"),
        (["--videos-per-h", "9", "--speech-s", "7", "--replicas-per-gpu", "0"], "at least one replica"),
        (["--videos-per-h", "9", "--speech-s", "7", "--size", "1x1"], "two lengths"),
        (["--videos-per-h", "2000000", "--speech-s", "7"], "jobs stage"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(times_file, capsys, options, says):
    assert main(["plan", "--times", str(times_file), *options]) == 2
    out, err = capsys.readouterr()
    assert (out, says in err) == ("", True)


def test_a_file_that_is_no_benchmark_is_refused(tmp_path, capsys):
    (tmp_path / "times.json").write_text('{"generator": {}}')
    assert main(["plan", "--times", str(tmp_path / "times.json"), "--videos-per-h", "9", "--speech-s", "7"]) == 2
    assert "scripts/bench pipeline --json" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--loads=1.2", "--jobs=0", "--places=0"])
def test_a_check_that_cannot_be_meant_is_refused(capsys, option):
    assert main(["check", option]) == 2
    assert "capacity: " in capsys.readouterr().err


def test_every_number_of_the_table_says_where_it_is_from(times_file, capsys):
    asked = ["plan", "--times", str(times_file), "--videos-per-h", "600", "--speech-s", "7"]
    assert main(asked) == 0
    table = capsys.readouterr().out.splitlines()
    assert main([*asked, "--json"]) == 0
    capacity = json.loads(capsys.readouterr().out)["capacity"]
    figures = {figure["name"]: figure for figure in capacity["figures"]}
    assert len(table) == len(figures) == len(capacity["figures"])
    kinds = ("given", "measured", "computed", "assumed", "list")
    assert [figure for figure in figures.values() if not figure["source"].startswith(kinds)] == []
    assert figures["g4dn.xlarge an hour"]["source"].startswith("list price")
    assert figures["mouths a GPU makes"]["source"].startswith("assumed")
    assert figures["core-seconds a video: video"]["source"].startswith("measured: a CPU, 2 cores")
    assert capacity["replicas"].keys() == CPU_S.keys()


def test_a_measured_gpu_is_taken_before_the_assumed_one_and_a_given_one_before_both(tmp_path, capsys):
    path = tmp_path / "times.json"
    path.write_text(json.dumps(bench(gpu="Tesla T4")))
    asked = ["plan", "--json", "--times", str(path), "--videos-per-h", "600", "--speech-s", "7"]

    def gpu(*more):
        assert main([*asked, *more]) == 0
        figures = json.loads(capsys.readouterr().out)["capacity"]["figures"]
        return next((f["value"], f["source"]) for f in figures if f["name"] == "mouths a GPU makes")

    assert gpu() == (50, "measured: Tesla T4, one video at a time")
    assert gpu("--gpu-frames-per-s", "800") == (800, "given")
