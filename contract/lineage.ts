import { z } from 'zod'
import { time } from './parts.ts'

/** The family tree: where models came from, by what they declare and by what their weights say. docs/lineage.md tells what the words mean. */

/** A model by its name; or that there is one whose name is not for the asker; or one that has been deleted. */
const model = z.object({
  id: z.string().optional(),
  private: z.literal(true).optional(),
  deleted: z.literal(true).optional(),
})

const relation = z.enum([
  ...([
    'copy',
    'cast',
    'quantized',
    'finetune',
    'lora_merged',
    'adapter',
    'merge_linear',
    'merge_slerp',
  ] as const),
  ...(['merge_ties', 'merge_dare', 'merge_passthrough', 'pruned_layers', 'pruned_width', 'sparse'] as const),
  ...(['vocab_resized', 'laundered'] as const),
])
/** How sure, from 0 to 1. */
const score = z.number()

const evidence = z.object({
  measures: z.array(
    z.object({ measure: z.string(), value: z.number().nullable(), threshold: z.number().optional() }),
  ),
  agree: z.number().int(),
  disagree: z.number().int(),
  components: z.record(z.string(), z.number()),
})

const parent = model.extend({ relation, score })
const provenParent = parent.extend({ evidence: evidence.optional() })

const verdict = z.enum(['confirmed', 'relative', 'partial', 'refuted', 'unverifiable'])

const declaredBase = z.object({
  /** As it is written. */
  id: z.string(),
  /** What it is called now. */
  now: z.string().optional(),
  relation: z.string().nullable(),
  sources: z.array(z.enum(['card', 'adapter_config.json', 'config.json', 'mergekit', 'gguf'])),
  verdict,
  reason: z.string(),
  nearest: model.optional(),
  evidence: evidence.optional(),
})

export const modelLineage = z.object({
  status: z.enum(['waiting', 'done', 'no-weights', 'unreadable']),
  family: z.string().optional(),
  parents: z.array(provenParent),
  /** How many children that anyone may see, by relation. */
  children: z.record(z.string(), z.number().int()),
  declared: z.array(declaredBase),
  weights: z.object({ format: z.string(), parameters: z.number().int() }).optional(),
  findings: z.array(z.looseObject({ kind: z.string(), file: z.string(), message: z.string() })),
})

export const family = z.object({
  id: z.string(),
  /** That anyone may see. */
  members: z.number().int(),
  first: model.optional(),
  models: z.array(model.extend({ arrivedAt: time, generation: z.number().int(), parents: z.array(parent) })),
  /** `after` of the next page. */
  next: z.string().optional(),
})

export const families = z.array(
  z.object({
    id: z.string(),
    members: z.number().int(),
    /** Members that came within 30 days. */
    growth: z.number().int().optional(),
    first: model.optional(),
  }),
)

export const identified = z.object({
  verdict: z.enum(['descends', 'related', 'unknown']),
  family: z.string().optional(),
  parents: z.array(provenParent),
  /** The nearest first, at most 20. */
  related: z.array(model),
})
