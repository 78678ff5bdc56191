"""Makes what the tests read of huggingface.co, with content of our own: `python seed.py`, with HF_ENDPOINT and HF_TOKEN.

Prints one JSON object: for each id or hash of huggingface.co that a test names, the one that stands for it here.
"""

import hashlib
import json
import struct

from huggingface_hub import CommitOperationAdd, HfApi, get_session

api = HfApi()


def safetensors(tensors: dict[str, tuple[str, list[int], int]], header_size: int | None = None) -> bytes:
    """A safetensors file of zeros: name -> (dtype, shape, bytes)."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * ((header_size or len(text)) - len(text))
    return struct.pack("<Q", len(text)) + text + bytes(end)


def card(heading: str, /, **metadata: object) -> bytes:
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in metadata.items()]
    return "\n".join(["---", *lines, "---", "", f"# {heading}", ""]).encode()


def files(repo: str, contents: dict[str, bytes], message: str = "Add files", **place: object) -> str:
    """Commits the files to a repository that may not exist yet; gives the commit's id."""
    kind, repo_id = repo.split(":")
    sdk = {"space_sdk": "static"} if kind == "space" else {}
    api.create_repo(repo_id, repo_type=kind, exist_ok=True, **sdk)
    operations = [CommitOperationAdd(path, content) for path, content in contents.items()]
    return api.create_commit(repo_id, operations, commit_message=message, repo_type=kind, **place).oid


stand_ins: dict[str, str] = {}

# Lists that take more than a page. They come first: tests look at the newest for what a card says.
for number in range(100):
    for kind in ("model", "dataset", "space"):
        sdk = {"space_sdk": "static"} if kind == "space" else {}
        api.create_repo(f"many/{kind}-{number}", repo_type=kind, **sdk)

# test_file_download, test_cache_no_symlinks, test_hf_api: a model with weights of several frameworks, two commits.
WEIGHTS = bytes(range(256)) * 254 + bytes(50)
stand_ins["f2c752cfc5c0ab6f4bdec59acea69eefbee381c2"] = files(
    "model:julien-c/dummy-unknown",
    {"config.json": json.dumps({"architectures": ["RobertaForMaskedLM"]}).ljust(851).encode(), "pytorch_model.bin": WEIGHTS},
)
files(
    "model:julien-c/dummy-unknown",
    {
        "README.md": card("Dummy", tags=["ci"]),
        "flax_model.msgpack": WEIGHTS[1:],
        "merges.txt": b"#version: 0.2\n",
        "tf_model.h5": WEIGHTS[2:],
        "vocab.json": b"{}",
    },
)

stand_ins["44c70f043cfe8162efc274ff531575e224a0e6f0"] = api.model_info("julien-c/dummy-unknown").sha
files("model:julien-c/dummy-unknown", {"config.json": b"{}".ljust(496)})
files("model:julien-c/dummy-unknown", {"config.json": b"{}".ljust(500)}, create_pr=True)

# test_cache_layout: one more file on each branch, none of the names on both.
files("model:hf-internal-testing/hfh-cache-layout", {"file_0.txt": b"File 0\n", "file_1.txt": b"File 1\n"})
for number in ("2", "3"):
    api.create_branch("hf-internal-testing/hfh-cache-layout", branch=f"file-{number}")
    files(
        "model:hf-internal-testing/hfh-cache-layout",
        {f"file_{number}.txt": f"File {number}\n".encode()},
        revision=f"file-{number}",
    )

# test_utils_cache
files("model:hf-internal-testing/hfh_ci_scan_repo_a", {"README.md": card("A"), "model.bin": bytes(500)})

# test_xet_download
files("model:celinah/dummy-xet-testing", {"dummy.safetensors": safetensors({"w": ("F32", [4096], 16384)})})

# test_hf_api: information of every kind.
shards = {}
weight_map = {}
for number in range(1, 9):
    name = f"model-{number:05}-of-00008.safetensors"
    tensors = {f"model.layers.{number * 3 + layer}.input_layernorm.weight": ("BF16", [4096], 8192) for layer in (0, 1)}
    if number == 3:
        tensors = {"model.layers.10.input_layernorm.weight": ("BF16", [4096], 8192)} | tensors
    shards[name] = safetensors(tensors)
    weight_map |= dict.fromkeys(tensors, name)
files(
    "model:HuggingFaceH4/zephyr-7b-beta",
    {
        "README.md": card("Zephyr", pipeline_tag="text-generation", widget=[{"example_title": "Hello", "text": "Hi"}]),
        "model.safetensors.index.json": json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}).encode(),
        "pytorch_model-00001-of-00008.bin": bytes(100_000),
        **shards,
    },
)
files("space:HuggingFaceH4/zephyr-chat", {"index.html": b"<h1>Zephyr</h1>\n"})
files("dataset:HuggingFaceH4/no_robots", {"README.md": card("No Robots", license="cc-by-nc-4.0")})
stand_ins["c603981e170e9e333934a39781d2ae3a2677e81f"] = files("dataset:gaia-benchmark/GAIA", {"a.txt": b"first\n"})
files("dataset:gaia-benchmark/GAIA", {"README.md": card("GAIA", language=["en"])})
files("dataset:lhoestq/custom_squad", {"custom_squad.py": b"# no code\n", "train.parquet": b"PAR1" + bytes(100)})
stand_ins["607bd4c8450a42878aa9ddc051a65a055450ef87"] = files(
    "dataset:allenai/c4", {"en/c4-train.00001-of-01024.json.gz": bytes(1000)}
)
files("dataset:allenai/math_qa", {"math_qa.py": b"class MathQa:\n    pass\n"})
files("model:huggingface-hub-ci/test_safetensors_metadata", {"README.md": card("No weights here")})
files(
    "model:huggingface-hub-ci/test_safetensors_metadata",
    {"model.safetensors": safetensors({"w": ("F32", [4], 16)})},
    create_pr=True,
)
files("model:openchat/openchat_3.5", {"README.md": card("OpenChat")})
for number in range(2):
    files("model:openchat/openchat_3.5", {f"{number}.txt": b"proposed\n"}, create_pr=True)
# Nobody is called "user" here.
stand_ins["user/tmp_test_space"] = "victor/tmp_test_space"
files("space:victor/static-space", {"index.html": b"<p>static</p>\n"})
stand_ins["dc54ff55a7e9e71b85db953d8bc22eca894b44c6"] = files(
    "model:nvidia/GLM-5-NVFP4",
    {
        "model-00008-of-00282.safetensors": safetensors(
            {f"t{number}": ("U8", [1], 1) for number in range(852)}, header_size=100_000
        )
    },
)

# test_kernels
files("kernel:kernels-community/relu", {"benchmarks/benchmark.py": b"print()\n"})
api.create_branch("kernels-community/relu", branch="v1", repo_type="kernel")
files("kernel:kernels-community/relu", {"README.md": card("ReLU")})

# test_file_download: a model that was moved.
files("model:hf-internal-testing/dummy-will-be-renamed", {"config.json": b"{}\n"})
api.move_repo("hf-internal-testing/dummy-will-be-renamed", "hf-internal-testing/dummy-renamed")

# test_repocard, test_cli: cards and lists of files.
files("model:Qwen/Qwen3-0.6B", {"README.md": b"---\nlibrary_name: transformers\n---\n\n# Qwen3-0.6B\n"})
files("dataset:HuggingFaceFW/fineweb", {"README.md": "---\nlicense: odc-by\n---\n\n# 🍷 FineWeb\n".encode()})
files("space:mteb/leaderboard", {"README.md": b"---\nsdk: static\nlicense: mit\n---\n\n# MTEB Leaderboard\n"})
files("space:multimodalart/dreambooth-training", {"README.md": card("Card", title="Dreambooth Training", sdk="static")})
files("space:gradio/theme_builder", {"run.py": b"print()\n"})
files("dataset:rajpurkar/squad", {"README.md": card("SQuAD", license="cc-by-sa-4.0")})

# Models that belong to nobody there have an owner here.
stand_ins['"t5-small"'] = '"google-t5/t5-small"'
files("model:google-t5/t5-small", {"config.json": b"{}", "tokenizer.json": b"{}", "onnx/model.onnx": bytes(1000)})
stand_ins['list_repo_refs("gpt2")'] = 'list_repo_refs("openai-community/gpt2")'
stand_ins['repo_info("gpt2"'] = 'repo_info("openai-community/gpt2"'

# @huggingface/hub: downloads, and uploads of what is elsewhere on the web.
GPT2_CARD = """---
language: en
tags:
- exbert

license: mit
---


# GPT-2

Test the whole generation capabilities here: https://transformer.huggingface.co/doc/gpt2-large
"""
GPT2_CONFIG = {
    "activation_function": "gelu_new",
    "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.1,
    "bos_token_id": 50256,
    "embd_pdrop": 0.1,
    "eos_token_id": 50256,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "model_type": "gpt2",
    "n_ctx": 1024,
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_positions": 1024,
    "resid_pdrop": 0.1,
    "summary_activation": None,
    "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True,
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    "vocab_size": 50257,
}
stand_ins["f27b190eeac4c2302d24068eabf5e9d6044389ae"] = files(
    "model:openai-community/gpt2",
    {"README.md": GPT2_CARD.encode(), "config.json": json.dumps(GPT2_CONFIG, indent=2).encode()},
)
for number in range(25):
    oid = files("model:openai-community/gpt2", {"log.txt": str(number).encode()})
    if number == 23:
        stand_ins["607a30d783dfa663caf39e06633721c8d4cfcd7e"] = oid
stand_ins["dd4bc8b21efa05ec961e3efc4ee5e3832a3679c7"] = files(
    "model:google-bert/bert-base-uncased", {"tf_model.h5": bytes(1000), "config.json": b"{}"}
)
stand_ins["cb2099c76426ff97da7aa591cbd317d91fb5fcb7"] = files("dataset:nyu-mll/glue", {"README.md": card("GLUE")})
stand_ins["e410a9ff348e6bed393b847711e793282d7c672e"] = files(
    "space:huggingfacejs/client-side-oauth", {"index.html": b"<p>OAuth</p>\n"}
)
files("model:huggingfacejs/test-model", {"README.md": card("Test")})
files("model:celinah/xet-experiments", {"large_text.txt": b"this is a text file." * 3_145_729})
SHARD = bytes(range(256)) * 16_384
stand_ins["3fb621eb9b37478239504ee083042d5b18699e8b8618e569478b03b119a85a69"] = hashlib.sha256(SHARD).hexdigest()
for repo_id in ("aschen/push-model-from-web", "huggingfacejs/push-model-from-web"):
    files(
        f"space:{repo_id}",
        {
            "mobilenet/model.json": b"{}\n",
            "mobilenet/group1-shard1of2": SHARD,
            "mobilenet/group1-shard2of2": SHARD[: 1 << 20],
            "mobilenet/coffee.jpg": bytes(1000),
            "mobilenet/README.md": b"# Mobilenet\n",
        },
    )
for repo_type, repo_id, theirs in (
    ("model", "openai-community/gpt2", "621ffdc036468d709f17434d"),
    ("dataset", "nyu-mll/glue", "621ffdd236468d709f181e3f"),
    ("space", "huggingfacejs/client-side-oauth", "659835e689010f9c7aed608d"),
):
    response = get_session().get(f"{api.endpoint}/api/{repo_type}s/{repo_id}")
    stand_ins[theirs] = response.json()["_id"]

me = api.whoami(token="hf_hub.js")
stand_ins["62f264b9f3c90f4b6514a269"] = me["id"]
# Pictures are `data:` URLs here, and nobody tells this hub of a website.
stand_ins[f"{api.endpoint}/avatars/934b830e9fdaa879487852f79eef7165.svg"] = me["avatarUrl"]
stand_ins['website: "https://github.com/huggingface/hub.js",'] = ""
stand_ins["/avatars/934b830e9fdaa879487852f79eef7165.svg"] = me["avatarUrl"]

# test_hf_api: lists, filters and searches.
SEARCHED = {
    "model:facebook/bart-base": {},
    "model:microsoft/wavlm-base-sd": {"library_name": "pytorch", "tags": ["pytorch"]},
    "model:albert/albert-base-v2": {"pipeline_tag": "fill-mask"},
    "model:HuggingFaceBR4/logged": {"tags": ["tensorboard"]},
    "model:muellerzr/model": {"tags": ["adapter-transformers", "bert"]},
    "model:google/co2": {"co2_eq_emissions": {"emissions": 17}},
    "dataset:huggingface/DataMeasurementsFiles": {"language": ["en", "fr"]},
    "dataset:google/annotated": {
        "language_creators": ["crowdsourced"],
        "language": ["en", "fr"],
        "multilinguality": ["multilingual"],
        "size_categories": ["100K<n<1M"],
        "task_categories": ["audio-classification"],
        "task_ids": ["natural-language-inference"],
        "tags": ["fiftyone", "benchmark:official"],
    },
    "space:google/wikipedia-search": {"sdk": "static", "models": ["bert-base-uncased"], "datasets": ["wikipedia"]},
    "space:black-forest-labs/FLUX.1-dev": {"sdk": "static", "models": ["black-forest-labs/FLUX.1-dev"]},
    "model:zai-org/GLM-5.2": {},
    "dataset:openai/gsm8k": {},
}
for number in range(12):
    SEARCHED[f"model:google/bert-{number}"] = {"tags": ["bert", "jax"]}
    SEARCHED[f"model:google/t5-{number}"] = {"tags": ["mlx"]}
    SEARCHED[f"space:julien-c/space-{number}"] = {"sdk": "static"}
    SEARCHED[f"dataset:google/wikipedia-{number}"] = {"language": ["en"]}
for repo, metadata in SEARCHED.items():
    files(repo, {"README.md": card(repo.split("/")[1], **metadata)})
files("model:muellerzr/model", {"config.json": json.dumps({"model_type": "bert"}).encode()})
for number in range(5):
    name = b"token_embd.weight"
    tensor = struct.pack("<Q", len(name)) + name + struct.pack("<IQQIQ", 2, 100_000, 100_000, 2, 0)
    files(f"model:google/large-{number}", {"model.gguf": b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor})
for number in range(2):
    files(
        f"model:google/gguf-{number}",
        {"README.md": card("GGUF", language=["id"]), "model.gguf": b"GGUF" + struct.pack("<IQQ", 3, 0, 0)},
    )

# Somebody who likes a lot.
for path in (
    "models/openai-community/gpt2",
    "datasets/nyu-mll/glue",
    "spaces/gradio/theme_builder",
    "kernels/kernels-community/relu",
):
    get_session().post(
        f"{api.endpoint}/api/{path}/like", headers={"authorization": "Bearer hf_julien-c"}
    ).raise_for_status()

print(json.dumps(stand_ins))
