import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'
import { createReader } from '../sketches/index.ts'
import {
  configOf,
  makeModel,
  pushModel,
  safetensorsOf,
  settled,
  trained,
} from '../sketches/model-for-test.suite.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await TestHub.open()
  for (const name of ['ada', 'bob'])
    await hub.hub.accounts.addUser({ name, token: { value: name, name: 't', role: 'write' } })
})
afterAll(() => hub.close())

const config = { 'config.json': configOf() }
const base = makeModel(1)
const tuned = trained(base, 2)
const card = (name: string) => ({ ...config, 'README.md': `---\nbase_model: ${name}\n---\nA model.\n` })
const push = async (
  name: string,
  weights: typeof base | undefined,
  files: Record<string, string> = config,
) => {
  await pushModel(hub, 'ada', `ada/${name}`, weights && safetensorsOf(weights), files)
  await settled(hub)
}
const lineage = async (name: string, token?: string) =>
  (await hub.as(token).get(`/api/models/ada/${name}/lineage`)).json()
const discussions = async (name: string) =>
  (await hub.as().get(`/api/models/ada/${name}/discussions?status=all`)).json().discussions as {
    title: string
    status: string
  }[]

describe('the family tree', () => {
  it('finds parents by weights, and judges what cards say', async () => {
    await push('base', base)
    await push('stranger', makeModel(99))
    await push('tuned', tuned, card('ada/base'))
    await push('grandchild', trained(tuned, 3), card('ada/base'))
    await push('copy', base, card('ada/stranger'))
    await push('silent', trained(base, 4))
    await push('elsewhere', trained(base, 5), card('far/away'))
    await push('no-weights', undefined, card('ada/base'))

    const root = await lineage('base')
    expect(root).toMatchObject({ status: 'done', parents: [], declared: [], findings: [] })
    const tree = await lineage('tuned')
    expect(tree).toMatchObject({
      ...{ status: 'done', family: root.family },
      parents: [{ id: 'ada/base', relation: 'finetune' }],
      declared: [{ id: 'ada/base', relation: 'finetune', sources: ['card'], verdict: 'confirmed' }],
    })
    expect(tree.parents[0].evidence.measures.length).toBeGreaterThan(0)
    expect(await lineage('grandchild')).toMatchObject({
      parents: [{ id: 'ada/tuned' }],
      declared: [{ verdict: 'confirmed', reason: 'ancestor' }],
    })
    expect(await lineage('copy')).toMatchObject({
      parents: [{ id: 'ada/base', relation: 'copy' }],
      declared: [{ id: 'ada/stranger', verdict: 'refuted' }],
    })
    expect(await lineage('elsewhere')).toMatchObject({
      declared: [{ id: 'far/away', verdict: 'unverifiable', reason: 'not-here' }],
    })
    expect(await lineage('no-weights')).toMatchObject({
      status: 'no-weights',
      declared: [{ id: 'ada/base', verdict: 'unverifiable', reason: 'no-weights' }],
    })
    expect((await lineage('stranger')).family).not.toBe(root.family)
    expect((await lineage('base')).children).toMatchObject({ copy: 1, finetune: 3 })
  }, 60_000)

  it('tells owners once of what their cards have wrong, and takes it back', async () => {
    expect(await discussions('tuned')).toEqual([])
    expect(await discussions('elsewhere')).toEqual([])
    const titles = (await discussions('copy')).map(({ title }) => title).sort()
    expect(titles).toMatchObject([/like those of ada\/base/, /no sign of ada\/stranger/])
    expect(await discussions('silent')).toMatchObject([{ status: 'open' }])
    await hub.as('ada').commit('ada/silent', card('ada/base'))
    await settled(hub)
    expect(await discussions('silent')).toMatchObject([{ status: 'closed' }])
    await hub.as('ada').put('/api/models/ada/copy/settings', { hubDiscussionsDisabled: true })
  })

  it('shows families, whole and ranked', async () => {
    const { family } = await lineage('base')
    const found = (await hub.as().get(`/api/families/${family}`)).json()
    expect(found).toMatchObject({ id: family, members: 6, first: { id: 'ada/base' } })
    expect(found.models.map((model: { id: string }) => model.id)).toEqual(
      ['base', 'tuned', 'grandchild', 'copy', 'silent', 'elsewhere'].map(name => `ada/${name}`),
    )
    const shallow = (await hub.as().get(`/api/families/${family}?depth=0`)).json()
    expect(shallow.models).toMatchObject([{ id: 'ada/base', generation: 0 }])
    const copies = (await hub.as().get(`/api/families/${family}?relation=copy`)).json()
    expect(copies.models).toMatchObject([{ id: 'ada/copy', parents: [{ id: 'ada/base' }] }])
    const first = (await hub.as().get(`/api/families/${family}?limit=4`)).json()
    const rest = (await hub.as().get(`/api/families/${family}?limit=4&after=${first.next}`)).json()
    expect([...first.models, ...rest.models].map(({ id }) => id)).toEqual(
      found.models.map(({ id }: { id: string }) => id),
    )
    for (const sort of ['members', 'growth'])
      expect((await hub.as().get(`/api/families?sort=${sort}`)).json()).toMatchObject([
        { id: family, members: 6 },
      ])
    expect((await hub.as().get('/api/families/aaaaaaaaaa')).status).toBe(404)
  })

  it('exports a line a model', async () => {
    const lines = (await hub.as().get('/api/lineage/export')).text.trimEnd().split('\n')
    const models = lines.map(line => JSON.parse(line)) as { id: string }[]
    expect(models.length).toBe(7)
    const { family } = await lineage('base')
    expect(models.find(({ id }) => id === 'ada/tuned')).toMatchObject({
      ...{ id: 'ada/tuned', family, parents: [{ id: 'ada/base', relation: 'finetune' }] },
      declared: [{ id: 'ada/base', verdict: 'confirmed' }],
    })
  })

  it('tells nothing of a model that the asker may not read but that it is there', async () => {
    await hub.as('ada').put('/api/models/ada/tuned/settings', { private: true })
    expect((await lineage('grandchild')).parents).toMatchObject([{ private: true }])
    expect(JSON.stringify(await lineage('grandchild'))).not.toContain('tuned')
    expect((await lineage('grandchild', 'ada')).parents).toMatchObject([{ id: 'ada/tuned' }])
    expect((await hub.as('bob').get('/api/models/ada/tuned/lineage')).status).toBe(404)
    const text = (await hub.as('bob').get('/api/lineage/export')).text
    expect(text).not.toContain('tuned')
    const { family } = await lineage('base')
    const shown = (await hub.as('bob').get(`/api/families/${family}`)).json()
    expect(shown.members).toBe(5)
    expect(JSON.stringify(shown)).not.toContain('tuned')
    expect((await lineage('base')).children).toMatchObject({ copy: 1, finetune: 2 })
    await hub.as('ada').put('/api/models/ada/tuned/settings', { private: false })
  })

  it('answers whose family a sketch belongs to', async () => {
    const reader = createReader()
    const { sketch } = (await reader.read(filesOf(safetensorsOf(trained(tuned, 6)))))!
    const ask = (bytes: Uint8Array) =>
      hub.as().post('/api/lineage/identify', bytes, { 'content-type': 'application/vnd.banyan.sketch' })
    const { family } = await lineage('base')
    expect((await ask(sketch!)).json()).toMatchObject({
      verdict: 'descends',
      family,
      parents: [{ id: 'ada/tuned' }],
    })
    const other = (await reader.read(filesOf(safetensorsOf(makeModel(7)))))!
    await reader.close()
    expect((await ask(other.sketch!)).json()).toEqual({ verdict: 'unknown', parents: [], related: [] })
    expect((await ask(Buffer.from('no sketch'))).status).toBe(400)
  })

  it('follows models that are moved and deleted', async () => {
    await hub.as('ada').post('/api/repos/move', { fromRepo: 'ada/base', toRepo: 'ada/moved', type: 'model' })
    expect(await lineage('grandchild')).toMatchObject({
      declared: [{ id: 'ada/base', now: 'ada/moved', verdict: 'confirmed' }],
    })
    await hub.as('ada').delete('/api/repos/delete', { name: 'tuned' })
    await settled(hub)
    expect((await lineage('grandchild')).parents).toMatchObject([{ id: 'ada/tuned', deleted: true }])
    await hub.as('ada').delete('/api/repos/delete', { name: 'silent' })
    await settled(hub)
    const { family } = await lineage('moved')
    const { models } = (await hub.as().get(`/api/families/${family}`)).json()
    expect(models.map(({ id }: { id: string }) => id)).not.toContain('ada/silent')
  })

  it('joins a base that comes after its children, and stands it before them', async () => {
    const late = makeModel(50)
    await push('early-child', trained(late, 51), card('ada/late-base'))
    expect(await lineage('early-child')).toMatchObject({ parents: [], declared: [{ reason: 'not-here' }] })
    await push('late-base', late)
    expect(await lineage('early-child')).toMatchObject({
      parents: [{ id: 'ada/late-base' }],
      declared: [{ id: 'ada/late-base', verdict: 'confirmed' }],
    })
    expect((await lineage('late-base')).parents).toEqual([])
  })

  it('is the same when all of it is worked out again', async () => {
    const before = (await hub.as().get('/api/lineage/export')).text
    await hub.hub.lineage.rebuild({ ids: inTurn(await hub.hub.repos.allIds()), progress: () => {} })
    expect((await hub.as().get('/api/lineage/export')).text).toBe(before)
  }, 60_000)
})

async function* inTurn(ids: readonly string[]) {
  yield* ids
}

function filesOf(weights: Buffer) {
  const content = new Map([
    ['model.safetensors', weights],
    ['config.json', Buffer.from(configOf())],
  ])
  return {
    list: () => [...content].map(([path, { length }]) => ({ path, size: length })),
    open: async (path: string) => ({
      size: content.get(path)!.length,
      read: async (start: number, end: number) => content.get(path)!.subarray(start, end),
    }),
  }
}
