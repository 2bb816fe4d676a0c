from __future__ import annotations

import hashlib

from tiny import SEEDS

SHA256 = {
    "000_d39b82a70d207427.txt": "8b1f6e2a7a6bf3b7e8a850ba9299cac6fbdfa61f7610ef16f63f0f3992067ff5",
    "001_66eca885bfbd6573.txt": "23180991f7f94300a02d496e71bed5434f2805d266b38b8ff79b7bcfd09d2017",
    "002_3cabbef2c5ac372d.txt": "88ae4754db7589f65563d862702bb62ad675e00388105f843e0a1fd9d78750ec",
    "003_46bc68fc3da17950.txt": "c0dcbc824f34238fdb5b15fe694951c51088d4eb7eee4f9240fc3b4a028e64a9",
    "004_9ef74d13c47236c1.txt": "0a376179da891cbce8a317983161f5470f02841987efca0aef24b70925372467",
}


def test_the_demo_corpus_is_there_byte_for_byte_and_nothing_else() -> None:
    found = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in SEEDS.iterdir()}
    assert found == SHA256
