"""How the published code makes faces, as the yardstick: what scripts/bench compares the service's engine with.

Float32, batches of 128, batch norm by itself, the face encoded again for every frame, all rows decoded. Its network is
`Wav2Lip`, which has the published layers; reading the sound, finding the face and pasting are left out on both sides.
"""

import cv2
import numpy as np
import torch

BATCH = 128


@torch.inference_mode()
def published_faces(network, windows, face_bgr):
    """Sound (n, 80, 16) and a face (h, w, 3) uint8 to n faces (96, 96, 3) in levels, BGR."""
    faces = []
    for at in range(0, len(windows), BATCH):
        sound = np.asarray(windows[at : at + BATCH])[..., None]
        pictures = np.asarray([cv2.resize(face_bgr, (96, 96)) for _ in sound])
        masked = pictures.copy()
        masked[:, 48:] = 0
        seen = np.concatenate([masked, pictures], axis=3) / 255.0
        batch = torch.FloatTensor(np.transpose(seen, (0, 3, 1, 2)))
        mel = torch.FloatTensor(np.transpose(sound, (0, 3, 1, 2)))
        faces.append(_forward(network, mel, batch).numpy().transpose(0, 2, 3, 1) * 255.0)
    return np.concatenate(faces)


def _forward(network, mel, seen):
    """The published forward pass, from the face's six channels on."""
    notes = []
    for block in network.face_encoder_blocks:
        seen = block(seen)
        notes.append(seen)
    return network.decode(network.encode_audio(mel), notes)
