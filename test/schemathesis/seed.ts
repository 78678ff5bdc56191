import { createHash } from 'node:crypto'
import type { Hub } from '../hub.ts'

/** What `hooks.py` asks about. */
export interface Seeded {
  readonly commit: string
  /** Of a file that is stored by LFS and as chunks. */
  readonly sha256: string
  readonly xetHash: string
}

/** A repository of each type that has a branch, a tag, a pull request, a discussion and a large file. */
export async function seed(hub: Hub): Promise<Seeded> {
  const call = async (method: string, path: string, body?: unknown, type = 'application/json') => {
    const answer = await fetch(path.startsWith('http') ? path : `${hub.url}${path}`, {
      method,
      headers: {
        'content-type': type,
        ...(path.startsWith('http') ? {} : { authorization: `Bearer ${hub.token}` }),
      },
      ...(body !== undefined && {
        body: type === 'application/json' ? JSON.stringify(body) : (body as string),
      }),
    })
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`)
    return answer
  }
  const large = Buffer.alloc(300_000, 'weights ')
  const sha256 = createHash('sha256').update(large).digest('hex')
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  let commit = ''
  for (const type of ['model', 'dataset', 'space', 'kernel']) {
    await call('POST', '/api/repos/create', {
      type,
      name: 'seeded',
      ...(type === 'space' && { sdk: 'static' }),
    })
    const api = `/api/${type}s/${hub.owner.name}/seeded`
    const web = type === 'model' ? `/${hub.owner.name}/seeded` : `/${type}s/${hub.owner.name}/seeded`
    const batch = {
      operation: 'upload',
      transfers: ['basic'],
      objects: [{ oid: sha256, size: large.length }],
    }
    const { objects } = (await (await call('POST', `${web}.git/info/lfs/objects/batch`, batch)).json()) as {
      objects: { actions?: { upload: { href: string } } }[]
    }
    const upload = objects[0]?.actions?.upload.href
    if (upload) await call('PUT', upload, large, 'application/octet-stream')
    const lines = (files: Readonly<Record<string, string>>, more: readonly object[] = []) =>
      [
        { key: 'header', value: { summary: 'Seed', description: '' } },
        ...Object.entries(files).map(([path, text]) => ({
          key: 'file',
          value: { path, content: base64(text), encoding: 'base64' },
        })),
        ...more,
      ]
        .map(line => JSON.stringify(line))
        .join('\n')
    const files = { 'README.md': '---\nlicense: mit\n---\n# Seeded\n', 'folder/a.txt': 'a\n' }
    const lfsFile = {
      key: 'lfsFile',
      value: { path: 'large.bin', algo: 'sha256', oid: sha256, size: large.length },
    }
    const made = await call('POST', `${api}/commit/main`, lines(files, [lfsFile]), 'application/x-ndjson')
    if (type === 'model') commit = ((await made.json()) as { commitOid: string }).commitOid
    await call('POST', `${api}/branch/dev`, {})
    await call('POST', `${api}/tag/main`, { tag: 'v1' })
    await call('POST', `${api}/commit/main?create_pr=1`, lines({ 'b.txt': 'b\n' }), 'application/x-ndjson')
    await call('POST', `${api}/discussions`, { title: 'Why', description: 'So.' })
  }
  const head = await call('HEAD', `/${hub.owner.name}/seeded/resolve/main/large.bin`)
  return { commit, sha256, xetHash: head.headers.get('x-xet-hash') ?? '' }
}
