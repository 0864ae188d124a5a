import cv2
import numpy as np
import pytest

from deployments.faces.pose import mouth_gap, pose_of
from deployments.media import Photo


@pytest.fixture(scope="module")
def landmarks(search, poster_rgb):
    return search.large(Photo(poster_rgb))[0].landmarks


def turned_in_3d(landmarks, axis, degrees):
    turn, _ = cv2.Rodrigues(np.radians(degrees) * np.eye(3)[axis])
    middle = landmarks.mean(axis=0)
    return (landmarks - middle) @ turn.T + middle


def test_a_head_that_looks_into_the_camera_has_a_pose_near_zero(landmarks):
    pose = pose_of(landmarks)

    assert max(abs(pose.yaw_deg), abs(pose.pitch_deg), abs(pose.roll_deg)) < 5


@pytest.mark.parametrize("degrees", [-40, 15, 40, 100, 170])
def test_turning_the_landmarks_in_the_picture_adds_to_the_roll_alone(landmarks, degrees):
    before, after = pose_of(landmarks), pose_of(turned_in_3d(landmarks, 2, degrees))

    assert after.roll_deg - before.roll_deg == pytest.approx(degrees, abs=0.2)
    assert (after.yaw_deg, after.pitch_deg) == pytest.approx((before.yaw_deg, before.pitch_deg), abs=0.2)


@pytest.mark.parametrize("degrees", [-40, -15, 20, 35])
def test_a_head_turned_to_the_right_or_up_has_a_positive_yaw_or_pitch(landmarks, degrees):
    before = pose_of(landmarks)
    # y points down and z away: about y a positive angle turns to the left, about x down
    assert pose_of(turned_in_3d(landmarks, 1, -degrees)).yaw_deg - before.yaw_deg == pytest.approx(degrees, abs=3)
    assert pose_of(turned_in_3d(landmarks, 0, -degrees)).pitch_deg - before.pitch_deg == pytest.approx(degrees, abs=3)


def test_a_nose_further_to_the_right_means_a_positive_yaw_and_a_higher_one_a_positive_pitch(landmarks):
    nose = 1
    right, up = turned_in_3d(landmarks, 1, -20), turned_in_3d(landmarks, 0, -20)

    assert right[nose, 0] > landmarks[nose, 0] + 5
    assert pose_of(right).yaw_deg > 15
    assert up[nose, 1] < landmarks[nose, 1] - 5
    assert pose_of(up).pitch_deg > 15


def test_mirroring_turns_the_signs_of_yaw_and_roll(search, poster_rgb):
    leaning = cv2.warpAffine(poster_rgb, cv2.getRotationMatrix2D((256, 256), -20, 1), (512, 512))
    pose = pose_of(search.large(Photo(leaning))[0].landmarks)
    mirrored = pose_of(search.large(Photo(np.ascontiguousarray(leaning[:, ::-1])))[0].landmarks)

    assert pose.roll_deg == pytest.approx(23, abs=3)
    assert mirrored.roll_deg == pytest.approx(-pose.roll_deg, abs=2)
    assert mirrored.yaw_deg == pytest.approx(-pose.yaw_deg, abs=3)
    assert mirrored.pitch_deg == pytest.approx(pose.pitch_deg, abs=3)


def test_the_gap_between_lips_tells_a_smile_with_teeth(landmarks):
    assert mouth_gap(landmarks) > 0.12
    closed = landmarks.copy()
    closed[14] = closed[13]
    assert mouth_gap(closed) == 0
