import { z } from 'zod'

/** Info of a repository, whole or what `expand` asks for: huggingface_hub `hf_api.py:ModelInfo`, `DatasetInfo`, `SpaceInfo`. */
export const repoInfo = z.looseObject({ _id: z.string(), id: z.string() })

export const repoList = z.array(repoInfo)
