"""The page on shipping models: its graphs and its service run, the service with a real client."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "user_guide" / "deploy.md"
BLOCK = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# starlette asks for a client that is not out for every Python yet
@pytest.mark.filterwarnings("ignore:Using `httpx` with")
def test_the_service_answers_as_the_model(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("fastapi")
    pytest.importorskip("httpx")
    pytest.importorskip("pandas")
    from fastapi.testclient import TestClient

    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "docs"}
    for block in BLOCK.findall(PAGE.read_text("utf-8")):
        exec(compile(block, str(PAGE), "exec"), namespace)  # noqa: S102
    model, X = namespace["model"], namespace["X"]
    client = TestClient(namespace["app"])
    answer = client.post("/predict", json=X.head(20).to_dict("records"))
    assert answer.status_code == 200
    assert answer.json()["predict"] == model.predict(X.head(20)).tolist()
    gap = client.post("/predict", json=[{"age": None, "city": "Turin"}, {}])
    assert len(gap.json()["predict"]) == 2
