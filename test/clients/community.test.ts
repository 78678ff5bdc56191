import {
  addCollectionItem,
  collectionInfo,
  createCollection,
  deleteCollection,
  deleteCollectionItem,
  listCollections,
} from '@huggingface/hub'
import { beforeAll, describe, expect, it } from 'vitest'
import { folderOf, type Machine, newMachine } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

describe('likes, people, storage and collections', () => {
  const repo = 'ada/liked'
  let ada: Machine

  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
    const folder = await folderOf({ 'README.md': '---\nlicense: mit\n---\n', 'a.txt': 'a\n' })
    await ada.python('push', { repo, folder })
  })

  it('are as huggingface_hub wants them', async () => {
    const given = { repo, endpoint: hub().url, other: hub().stranger.token }
    const { slug } = await ada.python<{ slug: string }>('community', given)
    const listed = JSON.parse(
      await ada.run('hf', ['collections', 'ls', '--owner', 'ada', '--format', 'json']),
    )
    expect(JSON.stringify(listed)).toContain(slug)
    expect(await ada.run('hf', ['repos', 'ls', '--format', 'json'])).toContain(repo)
  })

  it('are as @huggingface/hub wants them', async () => {
    const who = { hubUrl: hub().url, accessToken: hub().token }
    const { slug } = await createCollection({ collection: { title: 'From JS', namespace: 'ada' }, ...who })
    await addCollectionItem({ slug, item: { type: 'model', id: repo }, note: 'seen', ...who })
    await addCollectionItem({ slug, item: { type: 'collection', id: slug.slice(-24) }, ...who })
    const { items } = await collectionInfo({ slug, ...who })
    expect(items.map(item => [item.type, item.id, item.position])).toEqual([
      ['model', repo, 0],
      ['collection', slug.slice(-24), 1],
    ])
    expect(items[0]?.note).toEqual({ text: 'seen', html: 'seen' })
    await deleteCollectionItem({ slug, itemId: String(items[0]?._id), ...who })
    const found = []
    for await (const one of listCollections({
      search: { owner: ['ada'], q: 'from js' },
      hubUrl: hub().url,
    })) {
      found.push([one.slug, one.items.length])
    }
    expect(found).toEqual([[slug, 1]])
    await deleteCollection({ slug, ...who })
    await expect(collectionInfo({ slug, ...who })).rejects.toMatchObject({ statusCode: 404 })
  })
})
