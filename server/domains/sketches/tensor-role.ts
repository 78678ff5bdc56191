/**
 * What a tensor is, whatever its file calls it: `q` of layer 3 is `model.layers.3.self_attn.q_proj.weight` to
 * transformers, `blk.3.attn_q.weight` to llama.cpp, a third of `transformer.h.3.attn.c_attn.weight` to GPT-2.
 */
export interface TensorRole {
  /** One of `q k v o gate up down attn_norm mlp_norm embed head final_norm position`, `qkv` and `gate_up` where a file joins them, with `.bias` for biases; `#3` for the fourth expert, `.lora_A` and `.lora_B` for the halves of an adapter; else the name itself without its layer. */
  readonly role: string
  /** At most 999, so that a name cannot make a model of a billion layers; -1: belongs to no layer. */
  readonly layer: number
}

export function roleOf(name: string): TensorRole {
  const bias = /[._]bias$/.test(name) ? '.bias' : ''
  const [, half = ''] = /(\.lora_[AB])(?:\.default)?(?:\.weight)?$/.exec(name) ?? []
  const bare = name
    .replace(/\.lora_[AB](\.default)?(\.weight)?$/, '')
    .replace(/[._](weight|bias)$/, '')
    .replace(wrappers, '')
  const inLayer = /(?:^|[._])(?:layers?|h|blk|blocks?|resblocks)[._](\d{1,3})[._](.+)$/.exec(bare)
  const [, number = '-1', rest = bare] = inLayer ?? []
  const expert = /(?:^|\.)experts\.(\d+)\./.exec(rest)?.[1]
  const known = (inLayer ? layerRoles : outerRoles).find(([, pattern]) => pattern.test(rest))?.[0]
  const role = known ?? rest.replace(/^(?:model|transformer|bert|roberta|gpt_neox|encoder|decoder)\./, '')
  return { role: `${role}${expert === undefined ? '' : `#${expert}`}${bias}${half}`, layer: Number(number) }
}

/** What trainers put around a model. */
const wrappers = /^(?:_orig_mod\.|module\.|base_model\.model\.)+/

const layerRoles: readonly [string, RegExp][] = [
  ['qkv', /(?:^|\.)(?:qkv_proj|c_attn|Wqkv|wqkv|query_key_value|attn_qkv|in_proj)$/],
  ['q', /(?:^|\.)(?:q_proj|query|wq|q_lin|to_q|attn_q)$/],
  ['k', /(?:^|\.)(?:k_proj|key|wk|k_lin|to_k|attn_k)$/],
  ['v', /(?:^|\.)(?:v_proj|value|wv|v_lin|to_v|attn_v)$/],
  [
    'o',
    /(?:^|\.)(?:o_proj|out_proj|wo|out_lin|to_out\.0|attn_output)$|(?:attn|attention)\.(?:c_proj|dense|output\.dense)$/,
  ],
  ['gate_up', /(?:^|\.)(?:gate_up_proj|w13)$/],
  ['gate', /(?:^|\.)(?:gate_proj|w1|ffn_gate)$/],
  ['up', /(?:^|\.)(?:up_proj|w3|ffn_up|fc1|c_fc|dense_h_to_4h|lin1|fc_in)$|intermediate\.dense$/],
  ['down', /(?:^|\.)(?:down_proj|w2|ffn_down|fc2|dense_4h_to_h|lin2|fc_out)$|mlp\.c_proj$|^output\.dense$/],
  ['attn_norm', /(?:^|\.)(?:input_layernorm|ln_1|attn_norm|attention_norm)$/],
  ['mlp_norm', /(?:^|\.)(?:post_attention_layernorm|ln_2|ffn_norm)$/],
]

const outerRoles: readonly [string, RegExp][] = [
  ['embed', /(?:^|\.)(?:embed_tokens|wte|token_embd|word_embeddings|embed_in|tok_embeddings)$/],
  ['head', /(?:^|\.)(?:lm_head|embed_out)$|^output$/],
  ['final_norm', /(?:^|\.)(?:ln_f|output_norm|final_layernorm|final_layer_norm)$|^(?:model\.)?norm$/],
  ['position', /(?:^|\.)(?:wpe|position_embd|embed_positions|position_embeddings)$/],
]
