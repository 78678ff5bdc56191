import { createCollection, deleteCollection, listCollections } from '@huggingface/hub'
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
    const found = []
    for await (const one of listCollections({
      search: { owner: ['ada'], q: 'from js' },
      hubUrl: hub().url,
    })) {
      found.push([one.slug, one.owner.name, one.items.length])
    }
    expect(found).toEqual([[slug, 'ada', 0]])
    await deleteCollection({ slug, ...who })
    await expect(deleteCollection({ slug, ...who })).rejects.toMatchObject({ statusCode: 404 })
  })
})
