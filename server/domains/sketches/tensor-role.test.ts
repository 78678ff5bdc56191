import { describe, expect, it } from 'vitest'
import { roleOf } from './tensor-role.ts'

describe('roleOf', () => {
  it.each([
    ['transformers', 'model.embed_tokens.weight', 'embed', -1],
    ['transformers', 'lm_head.weight', 'head', -1],
    ['transformers', 'model.norm.weight', 'final_norm', -1],
    ['transformers', 'model.layers.3.self_attn.q_proj.weight', 'q', 3],
    ['transformers', 'model.layers.3.self_attn.q_proj.bias', 'q.bias', 3],
    ['transformers', 'model.layers.31.self_attn.o_proj.weight', 'o', 31],
    ['transformers', 'model.layers.0.mlp.gate_proj.weight', 'gate', 0],
    ['transformers', 'model.layers.0.input_layernorm.weight', 'attn_norm', 0],
    ['transformers', 'model.layers.0.post_attention_layernorm.weight', 'mlp_norm', 0],
    ['GGUF', 'token_embd.weight', 'embed', -1],
    ['GGUF', 'output.weight', 'head', -1],
    ['GGUF', 'output_norm.weight', 'final_norm', -1],
    ['GGUF', 'blk.3.attn_q.weight', 'q', 3],
    ['GGUF', 'blk.3.attn_output.weight', 'o', 3],
    ['GGUF', 'blk.3.ffn_down.weight', 'down', 3],
    ['GGUF', 'blk.3.ffn_norm.weight', 'mlp_norm', 3],
    ['GPT-2', 'transformer.wte.weight', 'embed', -1],
    ['GPT-2', 'wpe.weight', 'position', -1],
    ['GPT-2', 'h.11.attn.c_attn.weight', 'qkv', 11],
    ['GPT-2', 'h.11.attn.c_proj.weight', 'o', 11],
    ['GPT-2', 'h.11.mlp.c_fc.weight', 'up', 11],
    ['GPT-2', 'h.11.mlp.c_proj.bias', 'down.bias', 11],
    ['GPT-2', 'h.11.ln_2.weight', 'mlp_norm', 11],
    ['Phi-3', 'model.layers.5.self_attn.qkv_proj.weight', 'qkv', 5],
    ['Phi-3', 'model.layers.5.mlp.gate_up_proj.weight', 'gate_up', 5],
    ['Meta', 'tok_embeddings.weight', 'embed', -1],
    ['Meta', 'layers.7.attention.wq.weight', 'q', 7],
    ['Meta', 'layers.7.attention.wo.weight', 'o', 7],
    ['Meta', 'layers.7.feed_forward.w1.weight', 'gate', 7],
    ['Meta', 'layers.7.feed_forward.w2.weight', 'down', 7],
    ['Meta', 'layers.7.feed_forward.w3.weight', 'up', 7],
    ['BERT', 'bert.encoder.layer.2.attention.self.query.weight', 'q', 2],
    ['BERT', 'bert.encoder.layer.2.attention.output.dense.weight', 'o', 2],
    ['BERT', 'bert.encoder.layer.2.intermediate.dense.weight', 'up', 2],
    ['BERT', 'bert.encoder.layer.2.output.dense.weight', 'down', 2],
    ['GPT-NeoX', 'gpt_neox.layers.2.attention.query_key_value.weight', 'qkv', 2],
    ['GPT-NeoX', 'gpt_neox.layers.2.mlp.dense_4h_to_h.weight', 'down', 2],
    ['experts', 'model.layers.1.block_sparse_moe.experts.4.w1.weight', 'gate#4', 1],
    ['experts', 'model.layers.1.mlp.experts.12.down_proj.weight', 'down#12', 1],
    ['an adapter', 'base_model.model.model.layers.9.self_attn.v_proj.lora_A.weight', 'v.lora_A', 9],
    ['an adapter', 'base_model.model.model.layers.9.self_attn.v_proj.lora_B.default.weight', 'v.lora_B', 9],
    ['a trainer', '_orig_mod.module.model.layers.9.mlp.up_proj.weight', 'up', 9],
  ])('of %s: %s is %s of layer %i', (_, name, role, layer) => {
    expect(roleOf(name)).toEqual({ role, layer })
  })

  it('keeps the name of what it does not know', () => {
    expect(roleOf('model.layers.2.mamba.A_log')).toEqual({ role: 'mamba.A_log', layer: 2 })
    expect(roleOf('vision.patch.weight')).toEqual({ role: 'vision.patch', layer: -1 })
  })

  it('takes no number for a layer that no model has so many of', () => {
    expect(roleOf('model.layers.4000000000.self_attn.q_proj.weight').layer).toBe(-1)
  })
})
