import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

let hub: TestHub
let alice: ReturnType<TestHub['as']>
let bob: ReturnType<TestHub['as']>
let reader: ReturnType<TestHub['as']>
let scoped: ReturnType<TestHub['as']>
let nobody: ReturnType<TestHub['as']>

const card = (yaml: string) => `---\n${yaml}\n---\n# A model\n\nSee arXiv:2401.01234.\n`

beforeAll(async () => {
  hub = await TestHub.open()
  const { accounts, repos } = hub.hub
  for (const name of ['alice', 'bob', 'reader']) {
    await accounts.addUser({ name, token: { value: `hf_${name}`, name: 'test', role: 'write' } })
  }
  await accounts.addOrganization({
    name: 'lab',
    members: [
      { user: 'alice', role: 'admin' },
      { user: 'reader', role: 'read' },
    ],
  })
  alice = hub.as('hf_alice')
  bob = hub.as('hf_bob')
  reader = hub.as('hf_reader')
  nobody = hub.as()

  for (const [name, organization, isPrivate] of [
    ['bert-tiny', 'alice', false],
    ['bert_base', 'lab', false],
    ['llama', 'lab', true],
    ['secret', 'alice', true],
  ] as const) {
    await alice.post('/api/repos/create', { name, organization, private: isPrivate })
  }
  await alice.post('/api/repos/create', { name: 'words', type: 'dataset' })
  const { id } = await repos.find('model', 'lab', 'llama')
  const { token } = await accounts.addToken('alice', {
    name: 'one',
    role: 'fine-grained',
    scopes: [{ target: { kind: 'repository', id }, access: 'read' }],
  })
  scoped = hub.as(token)
  await alice.commit('alice/bert-tiny', {
    'README.md': card(
      'license: mit\nlanguage: [en, zh]\ntags: [Tiny]\npipeline_tag: fill-mask\nbase_model: google/bert',
    ),
    'config.json': JSON.stringify({ model_type: 'bert', architectures: ['BertModel'], vocab_size: 3 }),
    'model.safetensors': 'x',
  })
  await vi.waitFor(async () => {
    expect(await ids(nobody, '?filter=bert')).toEqual(['alice/bert-tiny'])
  }, 5000)
})
afterAll(() => hub.close())

async function ids(who: typeof alice, query = ''): Promise<string[]> {
  const answer = await who.get(`/api/models${query}`)
  expect(answer.status).toBe(200)
  return answer.json().map((repo: { id: string }) => repo.id)
}

it('tells a list of Spaces that was asked for by a model which models they name, and that none runs', async () => {
  await alice.post('/api/repos/create', { name: 'demo', type: 'space', sdk: 'static' })
  const card = '---\nsdk: static\nmodels: [lab/bert_base]\n---\n'
  const lines = [
    { key: 'header', value: { summary: 'Card' } },
    { key: 'file', value: { path: 'README.md', content: card } },
  ]
  const body = lines.map(line => JSON.stringify(line)).join('\n')
  await alice.post('/api/spaces/alice/demo/commit/main', body, { 'content-type': 'application/x-ndjson' })
  await vi.waitFor(async () => {
    const found = (await nobody.get('/api/spaces?models=lab/bert_base')).json()
    expect(found).toMatchObject([{ id: 'alice/demo', models: ['lab/bert_base'] }])
  }, 5000)
  expect((await nobody.get('/api/spaces')).json()[0].models).toBeUndefined()
  expect((await nobody.get('/api/spaces/alice/demo/runtime')).json().stage).toBe('STOPPED')
  expect((await nobody.get('/api/models/alice/bert-tiny/runtime')).status).toBe(400)
  await alice.delete('/api/repos/delete', { type: 'space', name: 'demo' })
})

describe('info', () => {
  it('says what the files say, at any revision', async () => {
    const info = (await nobody.get('/api/models/alice/bert-tiny')).json()
    expect(info).toMatchObject({
      id: 'alice/bert-tiny',
      modelId: 'alice/bert-tiny',
      author: 'alice',
      private: false,
      gated: false,
      disabled: false,
      likes: 0,
      downloads: 0,
      pipeline_tag: 'fill-mask',
      library_name: 'transformers',
      cardData: { license: 'mit', language: ['en', 'zh'] },
      config: { model_type: 'bert', architectures: ['BertModel'] },
      sha: expect.stringMatching(/^[0-9a-f]{40}$/),
      _id: expect.stringMatching(/^[0-9a-f]{24}$/),
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/),
    })
    expect(info.tags).toEqual(
      expect.arrayContaining([
        'transformers',
        'safetensors',
        'bert',
        'Tiny',
        'fill-mask',
        'license:mit',
        'en',
        'zh',
        'base_model:google/bert',
        'arxiv:2401.01234',
      ]),
    )
    expect(info.siblings).toEqual(
      ['.gitattributes', 'README.md', 'config.json', 'model.safetensors'].map(rfilename => ({ rfilename })),
    )
    const { id } = (await nobody.get('/api/models/alice/bert-tiny/commits/main')).json()[1]
    const first = (await nobody.get(`/api/models/alice/bert-tiny/revision/${id}`)).json()
    expect(first).toMatchObject({ sha: id, tags: [], siblings: [{ rfilename: '.gitattributes' }] })
  })

  it('gives sizes and ids with blobs, and only what expand asks for', async () => {
    const { siblings } = (await nobody.get('/api/models/alice/bert-tiny?blobs=true')).json()
    expect(siblings.at(-1)).toEqual({
      rfilename: 'model.safetensors',
      size: 1,
      blobId: 'c1b0730e0133447badcfd47fd144e254807b06e1',
    })
    // A field that @huggingface/hub offers, and of which this hub knows nothing.
    expect((await nobody.get('/api/models/alice/bert-tiny?expand=gitalyUid')).status).toBe(200)
    expect((await nobody.get('/api/models/alice/bert-tiny?expand=xetEnabled')).json().xetEnabled).toBe(true)
    const { _id, ...rest } = (
      await nobody.get('/api/models/alice/bert-tiny/revision/HEAD?expand[]=likes&expand=tags')
    ).json()
    expect(Object.keys(rest).sort()).toEqual(['id', 'likes', 'modelId', 'tags'])
    expect((await nobody.get('/api/models/alice/bert-tiny?expand=nonsense')).status).toBe(400)
  })
})

describe('lists', () => {
  it('hold what the asker may read, and nothing else', async () => {
    const open = ['alice/bert-tiny', 'lab/bert_base']
    expect((await ids(nobody)).sort()).toEqual(open)
    expect((await ids(bob)).sort()).toEqual(open)
    expect((await ids(reader)).sort()).toEqual([...open, 'lab/llama'])
    expect((await ids(scoped)).sort()).toEqual([...open, 'lab/llama'])
    expect((await ids(alice)).sort()).toEqual([
      'alice/bert-tiny',
      'alice/secret',
      'lab/bert_base',
      'lab/llama',
    ])
  })

  it('filter by author, words, tags and pipeline; a wildcard is a letter', async () => {
    expect(await ids(alice, '?author=LAB&sort=id&direction=1')).toEqual(['lab/bert_base', 'lab/llama'])
    expect(await ids(nobody, '?author=la')).toEqual([])
    expect(await ids(nobody, '?search=BERT+tiny')).toEqual(['alice/bert-tiny'])
    expect(await ids(nobody, '?search=t_b')).toEqual(['lab/bert_base'])
    expect(await ids(nobody, '?search=%25')).toEqual([])
    expect(await ids(nobody, '?filter=license:MIT&filter=zh')).toEqual(['alice/bert-tiny'])
    expect(await ids(nobody, '?filter=license:mit,de')).toEqual([])
    expect(await ids(nobody, '?pipeline_tag=fill-mask')).toEqual(['alice/bert-tiny'])
    for (const sort of ['nonsense', 'constructor'])
      expect((await nobody.get(`/api/models?sort=${sort}`)).status).toBe(400)
    const words = Array.from({ length: 1500 }, (_, n) => n)
    expect((await nobody.get(`/api/models?search=${words.join('+').slice(0, 4000)}`)).status).toBe(400)
    expect((await nobody.get(`/api/models?${words.map(n => `filter=${n}`).join('&')}`)).status).toBe(400)
    expect((await nobody.get('/api/datasets')).json()).toMatchObject([{ id: 'alice/words' }])
    expect((await nobody.get('/api/spaces')).json()).toEqual([])
  })

  it('page by Link until the end, each repository once, in every order', async () => {
    for (const order of ['', '&sort=createdAt', '&sort=id&direction=1', '&sort=likes']) {
      const seen: string[] = []
      let url: string | undefined = `/api/models?limit=1${order}`
      while (url) {
        const page = await alice.get(url)
        seen.push(...page.json().map((repo: { id: string }) => repo.id))
        const next = /^<([^>]+)>; rel="next"$/.exec(page.headers.link ?? '')?.[1]
        url = next?.slice(new URL(next).origin.length)
      }
      expect(seen).toHaveLength(4)
      expect(new Set(seen).size).toBe(4)
    }
    expect((await nobody.get('/api/models?cursor=nonsense')).status).toBe(400)
  })

  it('give siblings and cards in full, and single properties by expand', async () => {
    const [full] = (await nobody.get('/api/models?search=tiny&full=true')).json()
    expect(full.siblings).toHaveLength(4)
    const [line] = (await nobody.get('/api/models?search=tiny&expand=cardData&expand=author')).json()
    expect(line).toMatchObject({ id: 'alice/bert-tiny', author: 'alice', cardData: { license: 'mit' } })
    expect(line.siblings).toBeUndefined()
  })

  it('hold no repository whose settings changed while it was deleted', async () => {
    for (let n = 0; n < 5; n++) {
      await alice.post('/api/repos/create', { name: 'brief' })
      await Promise.all([
        alice.delete('/api/repos/delete', { name: 'brief' }),
        alice.put('/api/models/alice/brief/settings', { private: false }),
      ])
      expect(await ids(alice, '?search=brief')).toEqual([])
    }
  })

  it('show a change of visibility and a deletion at once', async () => {
    await alice.post('/api/repos/create', { name: 'brief' })
    expect(await ids(nobody, '?search=brief')).toEqual(['alice/brief'])
    await alice.put('/api/models/alice/brief/settings', { private: true })
    expect(await ids(nobody, '?search=brief')).toEqual([])
    await alice.delete('/api/repos/delete', { name: 'brief' })
    expect(await ids(alice, '?search=brief')).toEqual([])
  })
})
