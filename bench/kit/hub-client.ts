import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { request } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { sha256OfFile } from '../../test/clients/inputs.ts'
import type { Hub } from '../../test/hub.ts'

export interface NewFile {
  readonly path: string
  readonly content: Uint8Array
}

/** Makes a public model repository of the hub's owner; gives `owner/name`. */
export async function createRepo(hub: Hub, name: string): Promise<string> {
  await post(hub, '/api/repos/create', 'application/json', JSON.stringify({ name, type: 'model' }))
  return `${hub.owner.name}/${name}`
}

/** The body of a commit of these files (hub-protocol section 6). */
export function commitBody(summary: string, lines: readonly object[]): string {
  const header = { key: 'header', value: { summary, description: '' } }
  return [header, ...lines].map(line => `${JSON.stringify(line)}\n`).join('')
}

export function fileLine({ path, content }: NewFile): object {
  return {
    key: 'file',
    value: { path, content: Buffer.from(content).toString('base64'), encoding: 'base64' },
  }
}

export function postCommit(hub: Hub, repo: string, body: string): Promise<unknown> {
  return post(hub, `/api/models/${repo}/commit/main`, 'application/x-ndjson', body)
}

/** Puts a file into the repository as a client without Xet does: LFS batch, PUT, commit. */
export async function uploadByLfs(
  hub: Hub,
  repo: string,
  path: string,
  file: string,
  sha256?: string,
): Promise<void> {
  const line = await putByLfs(hub, repo, path, file, sha256)
  await postCommit(hub, repo, commitBody(`Add ${path}`, [line]))
}

/** LFS batch and PUT. Gives the line with which a commit puts the file at `path`. Hashes the file unless told. */
export async function putByLfs(
  hub: Hub,
  repo: string,
  path: string,
  file: string,
  sha256?: string,
): Promise<object> {
  const size = (await stat(file)).size
  const oid = sha256 ?? (await sha256OfFile(file))
  const batch = { operation: 'upload', transfers: ['basic'], objects: [{ oid, size }], hash_algo: 'sha256' }
  const answer = (await post(
    hub,
    `/${repo}.git/info/lfs/objects/batch`,
    'application/vnd.git-lfs+json',
    JSON.stringify(batch),
  )) as { objects: { actions?: { upload?: { href: string } } }[] }
  const href = answer.objects[0]?.actions?.upload?.href
  if (href) await put(href, file, size)
  return { key: 'lfsFile', value: { path, algo: 'sha256', oid, size } }
}

/** Waits until the hub has done the work that follows from what was sent, so that it does not share in a measurement. */
export async function untilJobsAreDone(hub: Hub): Promise<void> {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; ) {
    const metrics = await (await fetch(`${hub.url}/metrics`)).text()
    const count = (state: string) =>
      Number(new RegExp(`^banyan_jobs\\{state="${state}"\\} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0)
    if (count('waiting') + count('leased') === 0) return
    await new Promise(settle => setTimeout(settle, 100))
  }
  throw new Error('the hub still had jobs to do after 120 s')
}

async function post(hub: Hub, path: string, type: string, body: string): Promise<unknown> {
  const answer = await fetch(hub.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${hub.token}`, 'content-type': type, accept: type },
    body,
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${text}`)
  return JSON.parse(text)
}

function put(href: string, file: string, size: number): Promise<void> {
  return new Promise((settle, reject) => {
    const send = request(href, { method: 'PUT', headers: { 'content-length': size } }, answer => {
      answer.resume()
      answer.on('error', reject)
      answer.on('end', () => {
        if (answer.statusCode === 200) settle()
        else reject(new Error(`PUT of an LFS object answered ${answer.statusCode}`))
      })
    })
    send.on('error', reject)
    pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), send).catch(reject)
  })
}
