/** How a model comes from its bases, where its card does not say: as the public hub infers it (hub-docs `model-cards.md`, "Specifying a base model"). */
export type BaseRelation = 'adapter' | 'finetune' | 'merge' | 'quantized'

export function inferRelation(
  bases: readonly unknown[],
  paths: ReadonlySet<string>,
  cardTags: readonly string[],
  config: Readonly<Record<string, unknown>> | undefined,
): BaseRelation {
  if (bases.length > 1) return 'merge'
  if (paths.has('adapter_config.json') || cardTags.includes('lora')) return 'adapter'
  const isQuantized =
    config?.quantization_config !== undefined || [...paths].some(path => path.endsWith('.gguf'))
  return isQuantized ? 'quantized' : 'finetune'
}
