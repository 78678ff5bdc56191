import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

let hub: TestHub

beforeAll(async () => {
  hub = await TestHub.open()
  const { accounts } = hub.hub
  for (const name of ['alice', 'bob', 'carol']) {
    await accounts.addUser({ name, token: { value: name, name: 't', role: 'write' } })
  }
  await accounts.addOrganization({
    name: 'lab',
    members: [
      { user: 'alice', role: 'write' },
      { user: 'bob', role: 'read' },
    ],
  })
  for (const [name, isPrivate] of [
    ['one', false],
    ['two', false],
    ['secret', true],
  ]) {
    await hub.as('alice').post('/api/repos/create', { name, private: isPrivate })
  }
  await hub.as('alice').post('/api/repos/create', { name: 'one', type: 'dataset' })
})
afterAll(() => hub.close())

const as = (who?: string) => hub.as(who)
type Item = { _id: string; id: string; type: string; position: number }
type Shown = {
  slug: string
  title: string
  items: Item[]
  position: number
  private: boolean
  lastUpdated: string
}

let made = 0
const create = async (more: Record<string, unknown> = {}, who = 'alice'): Promise<Shown> => {
  const answer = await as(who).post('/api/collections', {
    title: `Things ${++made}`,
    namespace: who,
    ...more,
  })
  expect(answer.status).toBe(200)
  return answer.json()
}
const get = (slug: string, who?: string) => as(who).get(`/api/collections/${slug}`)
const add = (slug: string, id: string, type = 'model', who = 'alice', note?: string) =>
  as(who).post(`/api/collections/${slug}/items`, { item: { type, id }, note })
const itemsOf = async (slug: string, who?: string) => (await get(slug, who)).json().items as Item[]
const idsOf = async (slug: string, who?: string) =>
  (await itemsOf(slug, who)).map(({ id, position }) => `${position} ${id}`)
const list = async (query = '', who?: string) =>
  ((await as(who).get(`/api/collections${query}`)).json() as Shown[]).map(({ title }) => title)

describe('a collection', () => {
  it('is what its owner says of it', async () => {
    const { slug } = await create({ title: 'Größe & Maß: the 1st!', description: 'Of <all> kinds' })
    expect(slug).toMatch(/^alice\/gro-e-ma-the-1st-[0-9a-f]{24}$/)
    expect((await get(slug)).json()).toEqual({
      slug,
      title: 'Größe & Maß: the 1st!',
      description: 'Of <all> kinds',
      gating: false,
      lastUpdated: expect.stringMatching(/Z$/),
      owner: {
        _id: expect.any(String),
        name: 'alice',
        fullname: 'alice',
        avatarUrl: expect.any(String),
        type: 'user',
        isPro: false,
        isHf: false,
        isHfAdmin: false,
        isMod: false,
        followerCount: 0,
        isUserFollowing: false,
      },
      items: [],
      theme: 'blue',
      private: false,
      upvotes: 0,
      isUpvotedByUser: false,
      position: 0,
      shareUrl: `http://hub.test/collections/${slug}`,
    })
  })

  it('is found by every slug that it had, and by no other name', async () => {
    const before = await create()
    const path = `/api/collections/${before.slug}`
    const changed = await as('alice').patch(path, { title: 'Renamed', theme: 'pink', description: 'new' })
    const { data } = changed.json()
    expect(data).toMatchObject({ title: 'Renamed', theme: 'pink', description: 'new', private: false })
    expect(data.slug).toBe(`alice/renamed-${before.slug.slice(-24)}`)
    expect((await get(before.slug)).json().slug).toBe(data.slug)
    expect((await get(data.slug)).status).toBe(200)
    expect((await get(data.slug.replace('alice', 'bob'))).status).toBe(404)
    expect((await get('alice/renamed')).status).toBe(404)
    expect((await as('alice').patch(path, { theme: 'plaid' })).status).toBe(400)
    expect((await as('alice').patch(path, { description: '' })).json().data.description).toBeUndefined()
  })

  it('of a title that its owner has is refused with the slug of that one', async () => {
    const first = await create()
    const again = await as('alice').post('/api/collections', { title: first.title, namespace: 'alice' })
    expect([again.status, again.json().slug]).toEqual([409, first.slug])
    const second = await create()
    const renamed = await as('alice').patch(`/api/collections/${second.slug}`, { title: first.title })
    expect([renamed.status, renamed.json().slug]).toEqual([409, first.slug])
    expect((await create({ title: first.title }, 'bob')).title).toBe(first.title)
  })

  it('that is private does not exist for others, in lists and in other collections too', async () => {
    const hidden = await create({ title: 'Hush', private: true })
    const outer = await create()
    expect((await add(outer.slug, hidden.slug, 'collection')).status).toBe(200)
    for (const who of ['bob', undefined]) {
      const answer = await get(hidden.slug, who)
      expect([answer.status, answer.text.includes('Hush')]).toEqual([404, false])
      expect(await list('?owner=alice', who)).not.toContain('Hush')
      expect(await list('?q=hush', who)).toEqual([])
      expect(await itemsOf(outer.slug, who)).toEqual([])
      expect(await list(`?item=collections/${hidden.slug}`, who)).toEqual([])
    }
    expect((await as('bob').delete(`/api/collections/${hidden.slug}`)).status).toBe(404)
    expect(await list('?q=hush', 'alice')).toEqual(['Hush'])
    expect((await itemsOf(outer.slug, 'alice'))[0]).toMatchObject({ type: 'collection', slug: hidden.slug })
    expect((await add((await create({}, 'bob')).slug, hidden.slug, 'collection', 'bob')).status).toBe(404)
    await as('alice').patch(`/api/collections/${hidden.slug}`, { private: false })
    expect((await get(hidden.slug)).status).toBe(200)
  })

  it('of an organisation is changed by who may write there, and seen by its members when private', async () => {
    const { slug } = await create({ title: 'Lab things', namespace: 'lab', private: true })
    expect((await get(slug, 'bob')).status).toBe(200)
    expect((await get(slug, 'carol')).status).toBe(404)
    expect((await as('bob').patch(`/api/collections/${slug}`, { title: 'Mine' })).status).toBe(403)
    expect((await as('bob').post('/api/collections', { title: 'x', namespace: 'lab' })).status).toBe(403)
    const { token } = await hub.hub.accounts.addToken('alice', { name: `r${made}`, role: 'read' })
    expect((await as(token).patch(`/api/collections/${slug}`, { title: 'Mine' })).status).toBe(403)
    expect((await as('alice').post('/api/collections', { title: 'x', namespace: 'none' })).status).toBe(404)
  })

  it('can be deleted once', async () => {
    const { slug } = await create()
    const outer = await create()
    await add(outer.slug, slug, 'collection')
    await add(outer.slug, 'alice/one')
    expect((await as('bob').delete(`/api/collections/${slug}`)).status).toBe(403)
    expect((await as('alice').delete(`/api/collections/${slug}`)).status).toBe(204)
    expect((await as('alice').delete(`/api/collections/${slug}`)).status).toBe(404)
    expect(await idsOf(outer.slug)).toEqual(['0 alice/one'])
  })

  it.each([
    [{ title: '' }],
    [{ title: 'x'.repeat(101) }],
    [{ title: 'two\nlines' }],
    [{ title: 'fine', description: 'x'.repeat(151) }],
  ])('is not made of %j', async body => {
    expect((await as('alice').post('/api/collections', body)).status).toBe(400)
  })
})

describe('items', () => {
  it('are repositories and collections in an order, with notes', async () => {
    const { slug } = await create()
    const added = await add(slug, 'alice/one', 'model', 'alice', 'My <b>model</b>')
    expect(added.json().items).toHaveLength(1)
    await add(slug, 'datasets/alice/one', 'dataset')
    await add(slug, slug.slice(-24), 'collection')
    await as('bob').post('/api/models/alice/one/like')
    const [first, second, third] = await itemsOf(slug, 'bob')
    expect(first).toMatchObject({
      _id: expect.stringMatching(/^[0-9a-f]{24}$/),
      id: 'alice/one',
      type: 'model',
      repoType: 'model',
      author: 'alice',
      gated: false,
      private: false,
      likes: 1,
      isLikedByUser: true,
      position: 0,
      note: { text: 'My <b>model</b>', html: 'My &#60;b&#62;model&#60;/b&#62;' },
    })
    expect([second?.type, second && 'note' in second]).toEqual(['dataset', false])
    expect(third).toMatchObject({ type: 'collection', id: slug.slice(-24), slug, position: 2 })
  })

  it('are there once, and only what the adder sees', async () => {
    const { slug } = await create()
    expect((await add(slug, 'alice/one')).status).toBe(200)
    expect((await add(slug, 'alice/one')).status).toBe(409)
    expect((await add(slug, 'alice/two', 'dataset')).headers['x-error-code']).toBe('RepoNotFound')
    expect((await add(slug, 'gpt2')).status).toBe(404)
    const paper = await add(slug, '2311.12983', 'paper')
    expect([paper.status, paper.json().error]).toEqual([
      400,
      'a collection on this hub cannot hold a paper; it holds model, dataset, space, kernel, collection',
    ])
    const mine = await create({}, 'bob')
    expect((await add(mine.slug, 'alice/secret', 'model', 'bob')).status).toBe(404)
    expect((await add(slug, 'alice/two', 'model', 'bob')).status).toBe(403)
  })

  it('are moved, changed and taken out', async () => {
    const { slug } = await create()
    await add(slug, 'alice/one')
    await add(slug, 'alice/two')
    await add(slug, 'alice/one', 'dataset')
    const items = await itemsOf(slug)
    const path = (at: number) => `/api/collections/${slug}/items/${items[at]?._id}`
    expect((await as('alice').patch(path(0), { position: 99, note: 'last' })).status).toBe(200)
    expect(await idsOf(slug)).toEqual(['0 alice/two', '1 alice/one', '2 alice/one'])
    expect((await itemsOf(slug))[2]).toMatchObject({ type: 'model', note: { text: 'last' } })
    await as('alice').patch(path(0), { position: 0, note: '' })
    expect((await itemsOf(slug))[0]).not.toHaveProperty('note')
    expect(await idsOf(slug)).toEqual(['0 alice/one', '1 alice/two', '2 alice/one'])
    expect((await as('alice').delete(path(1))).status).toBe(204)
    expect((await as('alice').delete(path(1))).status).toBe(404)
    expect((await as('alice').patch(path(1), { note: 'x' })).status).toBe(404)
    expect(await idsOf(slug)).toEqual(['0 alice/one', '1 alice/one'])
    expect((await as('bob').delete(path(0))).status).toBe(403)
  })

  it('that are hidden from the asker are not there, and leave no gap', async () => {
    const { slug } = await create()
    for (const id of ['alice/secret', 'alice/one']) await add(slug, id)
    expect(await idsOf(slug, 'bob')).toEqual(['0 alice/one'])
    expect(await idsOf(slug, 'alice')).toEqual(['0 alice/secret', '1 alice/one'])
    expect(await list('?item=models/alice/secret', 'bob')).toEqual([])
    expect(await list('?item=models/alice/secret', 'alice')).toHaveLength(1)
  })

  it('go with their repository, and the others move up', async () => {
    await as('alice').post('/api/repos/create', { name: 'gone' })
    const { slug } = await create()
    for (const id of ['alice/gone', 'alice/one', 'alice/two']) await add(slug, id)
    await as('alice').delete('/api/repos/delete', { name: 'gone' })
    expect(await idsOf(slug)).toEqual(['0 alice/one', '1 alice/two'])
    const [, two] = await itemsOf(slug)
    await as('alice').patch(`/api/collections/${slug}/items/${two?._id}`, { position: 0 })
    expect(await idsOf(slug)).toEqual(['0 alice/two', '1 alice/one'])
  })
})

describe('the list of collections', () => {
  it('is filtered by owner, item and words, the last changed first, at most four items each', async () => {
    await as('carol').post('/api/repos/create', { name: 'r0' })
    const first = await create({ title: 'First of carol', description: 'about TULIPS' }, 'carol')
    const second = await create({ title: 'Second of carol' }, 'carol')
    for (const n of [1, 2, 3, 4]) {
      await as('carol').post('/api/repos/create', { name: `r${n}` })
      await add(first.slug, `carol/r${n}`, 'model', 'carol')
    }
    await add(first.slug, 'carol/r0', 'model', 'carol')
    expect(await list('?owner=carol')).toEqual(['First of carol', 'Second of carol'])
    expect(await list('?owner=carol&owner=nobody&item=models/carol/r4')).toEqual(['First of carol'])
    expect(await list('?item=papers/2311.12983')).toEqual([])
    expect(await list('?owner=nobody')).toEqual([])
    expect(await list('?q=tulips&sort=trending')).toEqual(['First of carol'])
    expect((await as().get('/api/collections?sort=beauty')).status).toBe(400)
    const page = await as().get('/api/collections?owner=carol&limit=1')
    const [shown] = page.json() as Shown[]
    expect(shown?.items.map(item => item.id)).toEqual(['carol/r1', 'carol/r2', 'carol/r3', 'carol/r4'])
    // The Python client numbers them itself, and would not take a number from here.
    expect(shown).not.toHaveProperty('position')
    const link = /<http:\/\/hub\.test([^>]+)>; rel="next"/.exec(page.headers.link ?? '')?.[1]
    const rest = await as().get(String(link))
    expect([(rest.json() as Shown[]).map(one => one.slug), rest.headers.link]).toEqual([
      [second.slug],
      undefined,
    ])
  })

  it('has places that its owner gives', async () => {
    const slugs: string[] = []
    await hub.hub.accounts.addUser({ name: 'dora', token: { value: 'dora', name: 't', role: 'write' } })
    for (const title of ['a', 'b', 'c']) slugs.push((await create({ title }, 'dora')).slug)
    const places = async () => Promise.all(slugs.map(async slug => (await get(slug)).json().position))
    expect(await places()).toEqual([0, 1, 2])
    await as('dora').patch(`/api/collections/${slugs[2]}`, { position: 0 })
    expect(await places()).toEqual([1, 2, 0])
    await as('dora').patch(`/api/collections/${slugs[2]}`, { position: 9 })
    expect(await places()).toEqual([0, 1, 2])
    await as('dora').delete(`/api/collections/${slugs[0]}`)
    slugs.shift()
    expect(await places()).toEqual([0, 1])
  })
})
