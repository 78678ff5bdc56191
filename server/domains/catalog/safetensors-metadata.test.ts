import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

let hub: TestHub
let alice: ReturnType<TestHub['as']>
beforeAll(async () => {
  hub = await TestHub.open()
  await hub.hub.accounts.addUser({ name: 'alice', token: { value: 'alice', name: 't', role: 'write' } })
  alice = hub.as('alice')
  await alice.post('/api/repos/create', { name: 'model' })
})
afterAll(() => hub.close())

/** A file whose one tensor is zeros; text, so that a commit line carries it. */
function shard(name: string): string {
  const header = JSON.stringify({
    __metadata__: { format: 'pt' },
    [name]: { dtype: 'U8', shape: [3], data_offsets: [0, 3] },
  })
  return `${String.fromCharCode(header.length)}${'\0'.repeat(7)}${header}\0\0\0`
}
const index = (files: object) => JSON.stringify({ metadata: { total_size: 6 }, weight_map: files })
const ask = (path: string, who = hub.as()) => who.get(`/api/models/alice/model/safetensors-metadata/${path}`)

it('gives the headers of all shards that an index names, also in a folder', async () => {
  const files = { a: 'm-1.safetensors', b: 'm-2.safetensors' }
  await alice.commit('alice/model', {
    'part/m.safetensors.index.json': index(files),
    'part/m-1.safetensors': shard('a'),
    'part/m-2.safetensors': shard('b'),
  })
  const answer = await ask('part/m.safetensors.index.json')
  expect([answer.status, answer.json()]).toEqual([
    200,
    {
      index: { metadata: { total_size: 6 } },
      headers: {
        'm-1.safetensors': {
          __metadata__: { format: 'pt' },
          a: { dtype: 'U8', shape: [3], data_offsets: [0, 3] },
        },
        'm-2.safetensors': {
          __metadata__: { format: 'pt' },
          b: { dtype: 'U8', shape: [3], data_offsets: [0, 3] },
        },
      },
    },
  ])
})

it('says what is missing or broken', async () => {
  await alice.commit('alice/model', {
    'gone.index.json': index({ a: 'absent.safetensors' }),
    'text.index.json': 'no JSON',
    'empty.index.json': '{}',
    'broken.index.json': index({ a: 'broken.safetensors' }),
    'broken.safetensors': `${String.fromCharCode(9)}${'\0'.repeat(7)}{"a": 1}\n`,
  })
  expect((await ask('absent.json')).status).toBe(404)
  for (const [name, says] of [
    ['gone', /not there/],
    ['text', /no index of shards/],
    ['empty', /no index of shards/],
    ['broken', /tensor "a"/],
  ] as const) {
    const answer = await ask(`${name}.index.json`)
    expect([answer.status, answer.json().error]).toEqual([400, expect.stringMatching(says)])
  }
})
