"""What people do with whole libraries: `python flows.py`, with HF_ENDPOINT and HF_TOKEN. Prints a JSON line for each flow."""

import json
import os
import time
import traceback

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import torch  # noqa: E402
from datasets import Dataset, DatasetDict, load_dataset  # noqa: E402
from huggingface_hub import HfApi  # noqa: E402
from peft import AutoPeftModelForCausalLM, LoraConfig, PeftModel, get_peft_model  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM  # noqa: E402

api = HfApi()
INPUT = torch.arange(32)[None]


def small_llama(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=2000,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=4,
    )
    return LlamaForCausalLM(config).eval()


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model(INPUT).logits


def transformers_one_file() -> str:
    model = small_llama(1)
    model.push_to_hub("ada/llama")
    loaded = AutoModelForCausalLM.from_pretrained("ada/llama").eval()
    assert torch.equal(logits(model), logits(loaded))
    files = api.list_repo_files("ada/llama")
    assert "model.safetensors" in files, files
    return f"{model.num_parameters():,} parameters, the same logits"


def transformers_sharded() -> str:
    model = small_llama(2).to(torch.bfloat16)
    model.push_to_hub("ada/llama-sharded", max_shard_size="2MB")
    shards = [name for name in api.list_repo_files("ada/llama-sharded") if name.endswith(".safetensors")]
    assert len(shards) > 3, shards
    loaded = AutoModelForCausalLM.from_pretrained("ada/llama-sharded", dtype=torch.bfloat16)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True))
    told = api.get_sharded_safetensors_metadata("ada/llama-sharded")
    assert sum(told.parameter_count.values()) == model.num_parameters(), told.parameter_count
    return f"{len(shards)} shards, byte-equal parameters"


def transformers_revision() -> str:
    model = small_llama(1)
    model.config.bos_token_id = 7
    api.create_branch("ada/llama", branch="other")
    model.push_to_hub("ada/llama", revision="other")
    assert AutoConfig.from_pretrained("ada/llama", revision="other").bos_token_id == 7
    assert AutoConfig.from_pretrained("ada/llama").bos_token_id != 7
    return "a branch has another configuration"


def datasets_push_and_load() -> str:
    rows = [{"id": n, "text": f"row {n}", "scores": [n / 4, n / 2]} for n in range(5000)]
    made = DatasetDict({"train": Dataset.from_list(rows[:4000]), "test": Dataset.from_list(rows[4000:])})
    made.push_to_hub("ada/rows", num_shards={"train": 4, "test": 1})
    loaded = load_dataset("ada/rows")
    assert loaded["train"].num_rows == 4000 and loaded["test"][-1] == rows[-1]
    made["test"].push_to_hub("ada/rows", config_name="short", split="train")
    assert load_dataset("ada/rows", "short", split="train").num_rows == 1000
    return "four shards, two splits, two configurations"


def datasets_streaming() -> str:
    stream = load_dataset("ada/rows", split="train", streaming=True)
    taken = list(stream.skip(10).take(3))
    assert [row["id"] for row in taken] == [10, 11, 12]
    assert sum(1 for _ in stream) == 4000
    return "4,000 rows, some of them skipped"


def peft_push_and_load() -> str:
    base = AutoModelForCausalLM.from_pretrained("ada/llama")
    torch.manual_seed(3)
    model = get_peft_model(
        base, LoraConfig(r=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    ).eval()
    model.push_to_hub("ada/llama-lora")
    again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("ada/llama"), "ada/llama-lora").eval()
    assert torch.equal(logits(model), logits(again))
    assert not torch.equal(logits(model), logits(small_llama(1)))
    auto = AutoPeftModelForCausalLM.from_pretrained("ada/llama-lora").eval()
    assert torch.equal(logits(model), logits(auto))
    # The card that push_to_hub writes names neither; the hub reads adapter_config.json.
    info = api.model_info("ada/llama-lora")
    assert "peft" in info.tags and info.config["peft"]["base_model_name_or_path"] == "ada/llama", info.config
    return "the same logits, and the hub names the base"


for flow in (
    transformers_one_file,
    transformers_sharded,
    transformers_revision,
    datasets_push_and_load,
    datasets_streaming,
    peft_push_and_load,
):
    started = time.monotonic()
    try:
        said, passed = flow(), True
    except Exception:
        said, passed = traceback.format_exc(), False
    print(json.dumps({"flow": flow.__name__, "seconds": time.monotonic() - started, "passed": passed, "said": said}))
