"""Festival's voices, most of them recorded pieces of speech that are joined: many people's mouths, exactly timed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, cast

from deployments.lipsync.viseme_training.timing import dated
from deployments.lipsync.viseme_training.voices import ARPABET, read_wave
from deployments.media import Speech


def _symbols(pairs: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in pairs.split())


INDIC = _symbols(
    "pau= aa=a ih=i iy=i uh=u uw=u eh=e ee=e ay=aɪ oh=o oo=o aw=aʊ g=ɡ ch=tʃ T=t D=d N=n th=t dh=d y=j L=l R=ɾ "
    "sh=ʃ j=dʒ ksh=kʃ sri=sɹi kh=k gh=ɡ td=d tth=t ddh=d bh=b zh=ʒ"
)
FESTIVAL = {
    "cs": _symbols("#= _= s~=ʃ z~=ʒ c~=tʃ c=ts ch=x r~=ʒ d~=ɟ t~=c n~=ɲ n*=ŋ dz~=dʒ h=ɦ"),
    "fi": _symbols("#= @=æ 7=ø N=ŋ S=ʃ"),
    "it": _symbols("#= dZ=dʒ tS=tʃ L=ʎ J=ɲ S=ʃ E=ɛ O=ɔ ng=ŋ nf=ɱ"),
    "ca": _symbols("pau= ax=ə S=ʃ Z=ʒ L=ʎ J=ɲ N=ŋ B=β D=ð G=ɣ rr=r uw=w E=ɛ O=ɔ tS=tʃ dZ=dʒ"),
    "ru": _symbols(
        "pau= aa=a ii=i ee=e oo=o uu=u yy=ɨ y=ɨ ay=ə ae=ɪ ur=u ch=tɕ sh=ʃ sch=ɕ zh=ʒ c=ts h=x "
        "pp=p bb=b mm=m ff=f vv=v tt=t dd=d nn=n ll=l rr=r ss=s zz=z kk=k gg=ɡ hh=x"
    ),
    "en": ARPABET | {"pau": ""},
    "hi": INDIC,
    "te": INDIC,
}
"""What Festival's voices call the sounds of their languages; other symbols are IPA's own."""


class Festival:
    """One of Festival's voices (`apt install festival festvox-...`): recorded pieces of speech, joined."""

    def __init__(self, name: str, language: str, encoding: str = "latin-1") -> None:
        self._symbols = FESTIVAL[language]
        self._encoding = encoding
        self._process = subprocess.Popen(["festival", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._input, self._output = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        self._sound = Path(tempfile.mkdtemp()) / "said.wav"
        self._tell(f"(voice_{name})")

    def speak(self, text: str, speed: float) -> Speech:
        """See `Voice`."""
        self._tell(f"(Param.set 'Duration_Stretch {1 / speed:.3f})")
        self._tell(f'(set! said (utt.synth (Utterance Text "{text}")))')
        self._tell(f'(utt.save.wave said "{self._sound}" \'riff)')
        self._tell('(format t "SAID")')
        self._tell(
            '(mapcar (lambda (s) (format t " %s|%.4f" (item.name s) (item.feat s "end")))'
            " (utt.relation.items said 'Segment))"
        )
        self._tell('(format t "\\n") (fflush nil)')
        lines = iter(self._output.readline, b"")
        said = next(line for line in lines if line.startswith(b"SAID")).decode(self._encoding)
        symbols, ends_s = zip(*(item.split("|") for item in said.split()[1:]), strict=True)
        waveform = read_wave(self._sound.read_bytes())
        edges_s = [0.0, *map(float, ends_s)]
        plain = (symbol.rstrip("1:") for symbol in symbols)
        times = zip((self._symbols.get(symbol, symbol) for symbol in plain), edges_s, edges_s[1:], strict=False)
        return Speech(waveform, tuple(dated(times, waveform)))

    def _tell(self, scheme: str) -> None:
        self._input.write(scheme.encode(self._encoding) + b"\n")
        self._input.flush()

    def close(self) -> None:
        """End the process and take its file."""
        self._process.communicate()
        shutil.rmtree(self._sound.parent)
