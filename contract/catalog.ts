import { z } from 'zod'

/** Info of a repository, whole or what `expand` asks for: huggingface_hub `hf_api.py:ModelInfo`, `DatasetInfo`, `SpaceInfo`. */
export const repoInfo = z.looseObject({ _id: z.string(), id: z.string() })

export const repoList = z.array(repoInfo)

const tag = z.object({ id: z.string(), label: z.string(), type: z.string() })

/** huggingface_hub `hf_api.py:get_model_tags`. */
export const tagsByType = z.record(z.string(), z.array(tag))

/** huggingface_hub `hf_api.py:get_sharded_safetensors_metadata`: the header of each shard, by its name. */
export const safetensorsMetadata = z.object({
  index: z.object({ metadata: z.record(z.string(), z.unknown()) }),
  headers: z.record(z.string(), z.record(z.string(), z.unknown())),
})

/** huggingface_hub `_space_api.py:SpaceRuntime`. */
export const spaceRuntime = z.object({
  stage: z.literal('STOPPED'),
  hardware: z.object({ current: z.null(), requested: z.null() }),
  storage: z.null(),
})
