"""Uploads a family of models as `huggingface_hub` does it and waits until the tree says where each came from. Prints {"family"}."""

import json
import sys
import time

from huggingface_hub import CardData, HfApi, ModelCard
from huggingface_hub.utils import get_session, hf_raise_for_status

wanted = json.loads(sys.argv[1])
api = HfApi()


def get(path, **params):
    answer = get_session().get(f"{api.endpoint}{path}", params=params)
    hf_raise_for_status(answer)
    return answer


def lineage(name):
    for _ in range(600):
        found = get(f"/api/models/ada/{name}/lineage").json()
        if found["status"] != "waiting":
            return found
        time.sleep(0.1)
    raise AssertionError(f"{name} is still waiting")


def upload(name, base=None, private=False):
    api.create_repo(f"ada/{name}", private=private)
    api.upload_folder(repo_id=f"ada/{name}", folder_path=f"{wanted['folder']}/{name}")
    if base:
        ModelCard(f"---\n{CardData(base_model=base).to_yaml()}\n---\n# {name}\n").push_to_hub(f"ada/{name}")
    return lineage(name)


base = upload("base")
assert base["parents"] == [] and base["weights"]["format"] == "safetensors", base

tuned = upload("tuned", "ada/base")
assert [(p["id"], p["relation"]) for p in tuned["parents"]] == [("ada/base", "finetune")], tuned
assert [(d["id"], d["verdict"]) for d in tuned["declared"]] == [("ada/base", "confirmed")], tuned

quantized = upload("quantized", "ada/tuned")
assert [(p["id"], p["relation"]) for p in quantized["parents"]] == [("ada/tuned", "quantized")], quantized
assert quantized["declared"][0]["verdict"] == "confirmed", quantized

copy = upload("copy")
assert [(p["id"], p["relation"]) for p in copy["parents"]] == [("ada/base", "copy")], copy

upload("stranger")
false = upload("claims", "ada/stranger")
assert false["declared"][0]["verdict"] == "refuted", false
assert false["parents"][0]["id"] == "ada/base", false

assert {m.id for m in api.list_models(filter="base_model:finetune:ada/base")} == {"ada/tuned"}
info = api.model_info("ada/base", expand=["childrenModelCount"])
assert info.children_model_count == 1, info
bases = api.model_info("ada/tuned", expand=["baseModels"]).base_models
assert bases == {"relation": "finetune", "models": [{"id": "ada/base"}]}, bases

lines = [json.loads(line) for line in get("/api/lineage/export").text.splitlines()]
found = {line["id"]: [p["id"] for p in line["parents"]] for line in lines}
assert found == {
    "ada/base": [],
    "ada/tuned": ["ada/base"],
    "ada/quantized": ["ada/tuned"],
    "ada/copy": ["ada/base"],
    "ada/stranger": [],
    "ada/claims": ["ada/base"],
}, found
assert len({line["family"] for line in lines}) == 2

family = get(f"/api/families/{base['family']}").json()
assert family["members"] == 5 and family["first"]["id"] == "ada/base", family
assert get("/api/families", sort="growth").json()[0]["id"] == base["family"]

titles = []
for _ in range(100):
    titles = sorted(d.title for d in api.get_repo_discussions("ada/claims"))
    if len(titles) == 2:
        break
    time.sleep(0.1)
assert "like those of ada/base" in titles[0] and "no sign of ada/stranger" in titles[1], titles
said = next(iter(api.get_repo_discussions("ada/claims")))
text = api.get_discussion_details("ada/claims", said.num).events[0].content
assert "权重" in text and "What would change this" in text or "If that is right" in text, text

print(json.dumps({"family": base["family"]}))
