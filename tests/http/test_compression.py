"""Text answers are sent compressed, in the coding that the reader accepts."""

import gzip

import brotli
import pytest
import zstandard
from fastapi.testclient import TestClient

from app.http.compression import choose_coding

EXPANDERS = {
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}
TEXTS = (
    "/v1/events?actor=ARM&limit=20",
    "/v1/events?actor=ARM&limit=20&format=ndjson",
    "/v1/timeline?actor=ARM&since=2020&format=svg",
    "/v1/events/curated:2023-10-03-armenia-ratifies-rome-statute",
    "/openapi.json",
    "/explorer/style.css",
    "/help/shifts",
)
OTHERS = (
    "/v1/timeline?actor=ARM&since=2020&format=png",
    "/v1/events?actor=ARM&format=parquet",
    "/v1/events?actor=ARM&format=xlsx",
    "/healthz",
)


def fetch_raw(api: TestClient, address: str, **headers: str) -> tuple[dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with api.stream("GET", address, headers=named) as answer:
        return dict(answer.headers), b"".join(answer.iter_raw())


@pytest.mark.parametrize("address", TEXTS)
def test_a_text_comes_in_each_coding(api: TestClient, address: str) -> None:
    plain, body = fetch_raw(api, address, accept_encoding="identity")
    assert "content-encoding" not in plain
    for _ in range(2):  # as it is made, and as it is remembered
        for coding, expand in EXPANDERS.items():
            headers, packed = fetch_raw(api, address, accept_encoding=f"{coding}, deflate")
            assert headers["content-encoding"] == coding
            assert "Accept-Encoding" in headers["vary"]
            assert expand(packed) == body
            assert len(packed) < 0.7 * len(body)


@pytest.mark.parametrize("address", OTHERS)
def test_what_would_not_shrink_stays_as_it_is(api: TestClient, address: str) -> None:
    headers, _ = fetch_raw(api, address, accept_encoding="zstd, br, gzip")
    assert "content-encoding" not in headers


def test_a_compressed_document_has_a_strong_etag_of_its_own(api: TestClient) -> None:
    address = TEXTS[3]
    plain = fetch_raw(api, address, accept_encoding="identity")[0]["etag"]
    packed = fetch_raw(api, address, accept_encoding="gzip")[0]["etag"]
    assert packed == f'{plain[:-1]}-gzip"'
    for tag in (plain, packed):
        answer = api.get(address, headers={"If-None-Match": tag, "Accept-Encoding": "gzip"})
        assert (answer.status_code, answer.headers["etag"]) == (304, tag)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, br;q=0.2", "br"),
        ("zstd;q=0, gzip", "gzip"),
        ("*", "zstd"),
        ("*, zstd;q=0.000", "br"),
        ("GZIP ; q=0.5", "gzip"),
        ("gzip;q=, br;q=x", "br"),
    ],
)
def test_the_coding_is_chosen_among_the_accepted(accepted: str, coding: str) -> None:
    assert choose_coding(accepted) == coding


def test_the_openapi_document_is_not_sent_again_unchanged(api: TestClient) -> None:
    tag = api.get("/openapi.json").headers["etag"]
    assert api.get("/openapi.json", headers={"If-None-Match": tag}).status_code == 304
