import type { z } from 'zod'
import type { safetensorsMetadata } from '../../../contract/catalog.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import { EntryNotFound, type Repos } from '../repos/index.ts'
import { indexLimit, readHeaders, shardsOf } from './weights.ts'

/**
 * The headers of all shards that an index of the default branch names, in one answer: huggingface_hub
 * `hf_api.py:get_sharded_safetensors_metadata`. Throws EntryNotFound, MalformedInput about an index or a header that is broken.
 */
export async function describeShards(
  repos: Repos,
  repo: Repository,
  path: string,
): Promise<z.infer<typeof safetensorsMetadata>> {
  const commitId = await repos.resolve(repo, `refs/heads/${defaultBranch}`)
  const open = (file: string) => repos.open(repo, commitId, file)
  const start = await open(path)
  if (!start) throw new EntryNotFound(path, commitId)
  const index = start.size <= indexLimit ? shardsOf(await start.read(0, start.size)) : undefined
  if (!index) throw new MalformedInput(path, 'is no index of shards: {"weight_map": {tensor: file}}')
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const headers = await readHeaders(
    index.shards.map(shard => `${folder}${shard}`),
    open,
  )
  if (!headers)
    throw new MalformedInput(path, 'names a file that is not there, or too many and too long ones')
  return {
    index: { metadata: index.metadata },
    headers: Object.fromEntries(
      [...headers].map(([file, { metadata, tensors }]) => [
        file.slice(folder.length),
        {
          __metadata__: metadata,
          ...Object.fromEntries(
            tensors.map(({ name, dtype, shape, begin, end }) => [
              name,
              { dtype, shape, data_offsets: [begin, end] },
            ]),
          ),
        },
      ]),
    ),
  }
}
