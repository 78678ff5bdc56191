import { join } from 'node:path'
import { listDatasets, listModels, listSpaces, modelInfo } from '@huggingface/hub'
import { describe, expect, it } from 'vitest'
import { ggufFile } from '../../server/formats/testdata/weight-files.ts'
import { folderOf, newMachine } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()
const anyone = () => ({ hubUrl: hub().url })

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

describe('lists and search', () => {
  it('say to Python what real weights and cards say', async () => {
    const gguf = join(await folderOf({ 'tiny.gguf': ggufFile }), 'tiny.gguf')
    const ada = await newMachine(hub().url, hub().token)
    expect(await ada.python('search', { gguf })).toBe('done')
  })

  it('say the same to @huggingface/hub', async () => {
    const names = async (search: NonNullable<Parameters<typeof listModels>[0]>['search']) =>
      (await all(listModels({ ...anyone(), ...(search && { search }) }))).map(({ name }) => name)
    expect(await names({ query: '写诗' })).toEqual(['ada/tiny-llama'])
    expect(await names({ owner: 'ada', task: 'text-generation' })).toEqual(['ada/tiny-llama'])
    expect((await names({ tags: ['gguf'] })).sort()).toEqual(['ada/broken', 'ada/tiny-gguf'])
    expect(await names({ apps: ['mlx-lm'] })).toEqual([])
    expect(await names({ inferenceProviders: ['together'] })).toEqual([])
    const bySize = listModels({
      ...anyone(),
      sort: 'num_parameters',
      limit: 2,
      additionalFields: ['safetensors', 'filePaths', 'transformersInfo', 'config'],
    })
    const [largest, next] = await all(bySize)
    expect(largest).toMatchObject({ name: 'ada/sharded', safetensors: { total: 40_035 } })
    expect(next).toMatchObject({ name: 'ada/tiny-llama', transformersInfo: { processor: 'AutoTokenizer' } })
    expect(next?.filePaths).toContain('model.safetensors')
    for (const sort of ['createdAt', 'likes', 'likes30d', 'trendingScore', 'mainSize', 'id'] as const)
      expect(await all(listDatasets({ ...anyone(), sort, additionalFields: ['citation'] }))).toMatchObject([
        { name: 'ada/poems', citation: '@misc{poems, title={Poems}}' },
      ])
    const spaces = await all(
      listSpaces({ ...anyone(), additionalFields: ['subdomain', 'models', 'datasets', 'runtime'] }),
    )
    expect(spaces).toMatchObject([{ name: 'ada/show', sdk: 'static', subdomain: 'ada-show' }])
    expect(
      await modelInfo({ name: 'ada/tiny-llama', ...anyone(), additionalFields: ['spaces', 'safetensors'] }),
    ).toMatchObject({ spaces: ['ada/show'], safetensors: { parameters: { F16: 32, F32: 3 }, total: 35 } })
  })
})
