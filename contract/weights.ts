import { z } from 'zod'
import { bytes, sha256 } from './parts.ts'

/** What a model's weights hold, for its page. */

const format = z.enum(['safetensors', 'pytorch', 'gguf', 'onnx'])
const whole = z.number().int().nonnegative()

const tensor = z.object({
  name: z.string(),
  /** Out × in, as torch has it. */
  shape: z.array(whole),
  dtype: z.string(),
  quantized: z.boolean(),
  parameters: whole,
  file: z.string(),
  transposed: z.literal(true).optional(),
})

const finding = z.object({
  kind: z.enum(['malformed', 'unsafe', 'unsupported', 'missing']),
  file: z.string(),
  message: z.string(),
  /** The function or class that a pickle names. */
  global: z.string().optional(),
})

export const weightsOfModel = z.object({
  /** Every model in the repository, the best first; `file` asks for another one. */
  models: z.array(z.object({ format, file: z.string(), files: whole, size: bytes })),
  format,
  /** The first of its files. */
  file: z.string(),
  architecture: z.object({ name: z.string(), source: z.enum(['config', 'gguf', 'names']) }).nullable(),
  layers: whole.nullable(),
  parameters: z.object({ total: whole, byDtype: z.record(z.string(), whole) }),
  tokenizer: z.object({ hash: sha256, tokens: whole }).nullable(),
  /** Set of an adapter: its `adapter_config.json` in short. */
  adapter: z
    .object({ type: z.string().nullable(), base: z.string().nullable(), rank: z.number().nullable() })
    .nullable(),
  findings: z.array(finding),
  tensorCount: whole,
  /** The first 10,000 of them. */
  tensors: z.array(tensor),
})
