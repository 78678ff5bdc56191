"""Repositories with real weights and cards, found, filtered and told by HfApi. Asserts what each call says."""

import json
import sys
import time
from pathlib import Path
from typing import get_args

import numpy as np
from huggingface_hub import CommitOperationAdd, HfApi, hf_api
from huggingface_hub.errors import HfHubHTTPError
from safetensors.numpy import save

wanted = json.loads(sys.argv[1])
api, anyone = HfApi(), HfApi(token=False)


def commit(repo, files, repo_type="model", **settings):
    api.create_repo(repo, repo_type=repo_type, **settings)
    operations = [
        CommitOperationAdd(path, content if isinstance(content, bytes) else content.encode())
        for path, content in files.items()
    ]
    api.create_commit(repo, operations, commit_message="Add all", repo_type=repo_type)


def card(metadata, text=""):
    return f"---\n{metadata}\n---\n{text}\n"


llama = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 8})
tokenizer = json.dumps({"bos_token": "<s>", "chat_template": "{{ messages }}", "mask_token": {"content": "<mask>"}})
half, single = np.zeros((4, 8), np.float16), np.ones(3, np.float32)
commit(
    "ada/tiny-llama",
    {
        "README.md": card(
            "license: apache-2.0\nlanguage: [en, zh]\nmodel-index: [{name: tiny, results: []}]\nwidget: [{text: Hi}]",
            "# Tiny\nA pangolin of a model. 我们的模型会写诗。\n```python\nsecretcode = 1\n```\n<img alt='hiddenattribute'>",
        ),
        "config.json": llama,
        "tokenizer_config.json": tokenizer,
        "model.safetensors": save({"a": half, "b": single}, {"format": "pt"}),
        ".eval_results/gpqa.yaml": "- dataset: {id: ada/bench, task_id: diamond}\n  value: 0.5\n",
    },
)
commit(
    "ada/sharded",
    {
        "README.md": card("base_model: ada/tiny-llama\ndatasets: ada/poems", "Also of the pangolin."),
        "model-00001-of-00002.safetensors": save({"a": half}),
        "model-00002-of-00002.safetensors": save({"b": single, "c": np.zeros(40_000, np.int8)}),
        "model.safetensors.index.json": json.dumps(
            {
                "metadata": {"total_size": 40_076},
                "weight_map": {
                    "a": "model-00001-of-00002.safetensors",
                    "b": "model-00002-of-00002.safetensors",
                    "c": "model-00002-of-00002.safetensors",
                },
            }
        ),
    },
)
commit("ada/tiny-gguf", {"tiny.gguf": Path(wanted["gguf"]).read_bytes(), "README.md": card("base_model: ada/tiny-llama")})
commit("ada/pangolin", {"a.txt": "named so"})
commit("ada/broken", {"model.safetensors": b"\xff" * 64, "config.json": "{", "x.gguf": b"GGUF"})
commit("acme/hidden-pangolin", {"README.md": card("base_model: ada/tiny-llama")}, private=True)
commit(
    "ada/poems",
    {
        "README.md": card(
            "task_categories: [text-generation]\ntask_ids: [language-modeling]\nsize_categories: [n<1K]\npretty_name: 唐诗三百首",
            "Old poems.\n```bibtex\n@misc{poems, title={Poems}}\n```",
        ),
        "poems.csv": "a,b\n1,2\n",
    },
    "dataset",
)
commit(
    "ada/show",
    {"README.md": card("sdk: static\nmodels: [ada/tiny-llama]\ndatasets: [ada/poems]")},
    "space",
    space_sdk="static",
)

# What the files say follows by jobs, each for its repository.
deadline = time.monotonic() + 60
while True:
    infos = [*api.list_models(full=True), *api.list_datasets(full=True), *api.list_spaces(full=True)]
    seen = {info.id for info in infos if info.siblings and len(info.siblings) > 1}
    if len(seen) == 8:
        break
    assert time.monotonic() < deadline, seen
    time.sleep(0.1)


def models(**query):
    return [model.id for model in anyone.list_models(**query)]


# Search: names before texts, whole pages of both, nothing of what is private.
found = models(search="pangolin")
assert found[0] == "ada/pangolin" and sorted(found[1:]) == ["ada/sharded", "ada/tiny-llama"], found
assert [model.id for model in api.list_models(search="hidden")] == ["acme/hidden-pangolin"]
assert models(search="hidden") == []
assert models(search="模型") == models(search="写诗") == models(search="诗") == ["ada/tiny-llama"]
assert models(search="型会") == ["ada/tiny-llama"] and models(search="模诗") == []
assert models(search="pango zh") == ["ada/tiny-llama"]
assert models(search="apache") == ["ada/tiny-llama"]
assert models(search="secretcode") == models(search="hiddenattribute") == []
assert [found.id for found in anyone.list_datasets(search="唐诗")] == ["ada/poems"]
assert [found.id for found in anyone.list_datasets(search="三百首", dataset_name="poem")] == ["ada/poems"]

# Filters and orders.
assert models(filter=["llama", "license:apache-2.0", "zh", "text-generation"]) == ["ada/tiny-llama"]
assert set(models(filter="safetensors")) == {"ada/tiny-llama", "ada/sharded", "ada/broken"}
assert models(filter="base_model:finetune:ada/tiny-llama") == ["ada/sharded"]
assert models(filter="base_model:quantized:ada/tiny-llama") == ["ada/tiny-gguf"]
assert models(trained_dataset="ada/poems") == ["ada/sharded"]
assert models(pipeline_tag="text-generation", filter="conversational") == ["ada/tiny-llama"]
assert set(models(apps="ollama")) == set(models(apps=["ollama", "jan"])) == {"ada/tiny-gguf", "ada/broken"}
assert models(num_parameters="min:1K,max:1M") == ["ada/sharded"]
assert set(models(num_parameters="max:35")) == {"ada/tiny-gguf", "ada/tiny-llama"}
assert models(gated=True) == [] and len(models(gated=False)) == 5
assert models(inference="warm") == models(inference_provider="all") == []
assert [model.id for model in anyone.list_models(sort="created_at")][0] == "ada/broken"
assert [found.id for found in anyone.list_datasets(task_categories="text-generation", task_ids="language-modeling")] == [
    "ada/poems"
]
assert [found.id for found in anyone.list_datasets(size_categories="n<1K")] == ["ada/poems"]
assert [found.id for found in anyone.list_spaces(models="ada/tiny-llama")] == ["ada/show"]
assert [found.id for found in anyone.list_spaces(datasets="ada/poems")] == ["ada/show"]
assert list(anyone.list_spaces(models="ada/other")) == []
assert next(anyone.list_spaces()).models is None
assert next(anyone.list_spaces(linked=True)).models == ["ada/tiny-llama"]
for wrong in ({"sort": "nonsense"}, {"num_parameters": "many"}, {"expand": ["nonsense"]}):
    try:
        models(**wrong)
        raise AssertionError(wrong)
    except HfHubHTTPError as error:
        assert error.response.status_code == 400, error

# What a list tells, and what it keeps for who asks.
line = next(anyone.list_models(search="tiny-llama"))
assert line.card_data is None and line.siblings is None and line.config is None, line
assert line.pipeline_tag == "text-generation" and line.library_name == "transformers", line
assert next(anyone.list_models(search="tiny-llama", cardData=True)).card_data["license"] == "apache-2.0"
assert next(anyone.list_models(search="tiny-llama", fetch_config=True)).config["model_type"] == "llama"
assert "model.safetensors" in [file.rfilename for file in next(anyone.list_models(search="tiny-llama", full=True)).siblings]

# Every property that may be asked for, in lists as in infos.
for kind, repo, legal in (
    ("model", "ada/tiny-llama", hf_api.ExpandModelProperty_T),
    ("dataset", "ada/poems", hf_api.ExpandDatasetProperty_T),
    ("space", "ada/show", hf_api.ExpandSpaceProperty_T),
):
    everything = list(get_args(legal))
    info = anyone.repo_info(repo, repo_type=kind, expand=everything)
    [listed] = [
        each
        for each in getattr(anyone, f"list_{kind}s")(search=repo, expand=everything)
        if each.id == repo
    ]
    for name in vars(listed):
        assert vars(listed)[name] == vars(info)[name] or name == "siblings" or kind == "space", (name, listed, info)
    for single in everything:
        anyone.repo_info(repo, repo_type=kind, expand=[single])
    try:
        anyone.repo_info(repo, repo_type=kind, expand=["does_not_exist"])
        raise AssertionError("expected an error")
    except HfHubHTTPError as error:
        told = set(json.loads("[" + error.response.json()["error"].split("expected one of ")[1].replace("|", ",") + "]"))
        assert told - {"gitalyUid"} == set(everything), told ^ set(everything)

info = anyone.model_info("ada/tiny-llama", expand=list(get_args(hf_api.ExpandModelProperty_T)))
assert info.safetensors.parameters == {"F16": 32, "F32": 3} and info.safetensors.total == 35, info.safetensors
assert info.config["tokenizer_config"] == json.loads(tokenizer) and info.config["architectures"] == ["LlamaForCausalLM"]
assert info.transformers_info == {
    "auto_model": "AutoModelForCausalLM",
    "custom_class": None,
    "pipeline_tag": "text-generation",
    "processor": "AutoTokenizer",
}, info.transformers_info
assert info.mask_token == "<mask>" and info.widget_data == [{"text": "Hi"}]
assert info.model_index == [{"name": "tiny", "results": []}]
assert info.eval_results[0].dataset_id == "ada/bench" and info.eval_results[0].value == 0.5, info.eval_results
assert info.children_model_count == 2 and info.spaces == ["ada/show"], info
assert 0 < info.used_storage < 100_000
assert anyone.model_info("ada/sharded").safetensors.total == 32 + 3 + 40_000
bases = anyone.model_info("ada/sharded", expand=["baseModels"]).base_models
assert bases == {"relation": "finetune", "models": [{"id": "ada/tiny-llama"}]}, bases
gguf = anyone.model_info("ada/tiny-gguf").gguf
assert gguf == {"total": 28, "architecture": "llama", "context_length": 2048, "chat_template": "{{ messages }}"}, gguf
broken = anyone.model_info("ada/broken")
assert broken.safetensors is None and broken.gguf is None and broken.config is None, broken
poems = anyone.dataset_info("ada/poems")
assert poems.citation == "@misc{poems, title={Poems}}" and poems.description == "Old poems.", poems
assert poems.main_size > 8, poems
show = anyone.space_info("ada/show")
assert show.subdomain == "ada-show" and show.runtime.stage == "STOPPED" and show.datasets == ["ada/poems"], show
assert anyone.model_info("ada/tiny-llama", securityStatus=True).security_repo_status == {
    "scansDone": False,
    "filesWithIssues": [],
}

# The client reads the same headers itself.
metadata = anyone.get_safetensors_metadata("ada/sharded")
assert metadata.sharded and metadata.parameter_count == {"F16": 32, "F32": 3, "I8": 40_000}, metadata
assert not anyone.get_safetensors_metadata("ada/tiny-llama").sharded
print(json.dumps("done"))
