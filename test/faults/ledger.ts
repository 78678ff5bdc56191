import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Hub } from '../hub.ts'

/** A file whose commit was acknowledged. */
export interface Promised {
  readonly kind: 'regular' | 'lfs' | 'xet' | 'git'
  /** `ada/name` */
  readonly repo: string
  readonly revision: string
  readonly path: string
  readonly sha256: string
}

export const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** What the hub has promised to keep, and the clients' side of HTTP. */
export class Ledger {
  readonly promised: Promised[] = []
  /** Answers that no client should ever see, in words. */
  readonly outrages: string[] = []
  readonly #hub: Pick<Hub, 'url' | 'token'>

  constructor(hub: Pick<Hub, 'url' | 'token'>) {
    this.#hub = hub
  }

  /** Undefined when the hub went away meanwhile. The body of an answer that is no success has been read. */
  async ask(
    method: string,
    path: string,
    body?: string | Uint8Array,
    type = 'application/json',
  ): Promise<Response | undefined> {
    try {
      const answer = await fetch(path.startsWith('http') ? path : `${this.#hub.url}${path}`, {
        method,
        headers: {
          // A signed URL is its own key.
          ...(!path.startsWith('http') && { authorization: `Bearer ${this.#hub.token}` }),
          ...(body !== undefined && { 'content-type': type }),
        },
        ...(body !== undefined && { body: body as NonNullable<RequestInit['body']> }),
      })
      if (answer.status === 500) this.outrages.push(`${method} ${path}: ${await answer.clone().text()}`)
      if (!answer.ok) await answer.clone().text()
      return answer
    } catch {
      // Gone or not yet back: it does not come sooner for being asked more often.
      await sleep(100)
      return undefined
    }
  }

  /** Commits lines of NDJSON; the status, or undefined when nobody answered. */
  async commit(repo: string, branch: string, lines: readonly unknown[], parent?: string) {
    const header = { key: 'header', value: { summary: 'under fire', parentCommit: parent } }
    const body = [header, ...lines].map(line => JSON.stringify(line)).join('\n')
    const path = `/api/models/${repo}/commit/${encodeURIComponent(branch)}`
    const answer = await this.ask('POST', path, body, 'application/x-ndjson')
    return await this.#complete(answer)
  }

  async createRepo(repo: string): Promise<boolean> {
    const answer = await this.ask('POST', '/api/repos/create', JSON.stringify({ name: repo.split('/')[1] }))
    return (await this.#complete(answer)) === 200
  }

  /** From here on nothing of it is promised. */
  async deleteRepo(repo: string): Promise<void> {
    this.forget(promise => promise.repo === repo)
    await this.#complete(
      await this.ask('DELETE', '/api/repos/delete', JSON.stringify({ name: repo.split('/')[1] })),
    )
  }

  forget(isGone: (promise: Promised) => boolean): void {
    const kept = this.promised.filter(promise => !isGone(promise))
    this.promised.splice(0, this.promised.length, ...kept)
  }

  async addRegularFile(repo: string, branch: string, path: string, content: Uint8Array): Promise<void> {
    const file = { path, content: Buffer.from(content).toString('base64'), encoding: 'base64' }
    if ((await this.commit(repo, branch, [{ key: 'file', value: file }])) !== 200) return
    this.promised.push({ kind: 'regular', repo, revision: branch, path, sha256: sha256Of(content) })
  }

  /** By the signed URL of an LFS batch, then in a commit. */
  async addLfsFile(repo: string, branch: string, path: string, content: Uint8Array): Promise<void> {
    const oid = sha256Of(content)
    const batch = { operation: 'upload', transfers: ['basic'], objects: [{ oid, size: content.length }] }
    const offered = await this.ask('POST', `/${repo}.git/info/lfs/objects/batch`, JSON.stringify(batch))
    const answer = (await offered?.json().catch(() => undefined)) as
      | { objects?: [{ actions?: { upload: { href: string } } }] }
      | undefined
    if (!answer?.objects) return
    const href = answer.objects[0].actions?.upload.href
    if (href && (await this.#complete(await this.ask('PUT', href, content))) !== 200) return
    const file = { path, algo: 'sha256', oid, size: content.length }
    if ((await this.commit(repo, branch, [{ key: 'lfsFile', value: file }])) !== 200) return
    this.promised.push({ kind: 'lfs', repo, revision: branch, path, sha256: oid })
  }

  /** What `python/xet_uploads.py` has noted. */
  async addNoted(file: string): Promise<void> {
    const text = await readFile(file, 'utf8').catch(() => '')
    for (const line of text.split('\n')) {
      if (line === '') continue
      const { repo, path, sha256, error } = JSON.parse(line) as Record<string, string>
      if (error?.includes('500 Server Error')) this.outrages.push(error)
      if (repo && path && sha256) this.promised.push({ kind: 'xet', repo, revision: 'main', path, sha256 })
    }
  }

  /** Of what is there now, or the status of the refusal. */
  async sha256At({ repo, revision, path }: Promised): Promise<string | number | undefined> {
    const answer = await this.ask('GET', `/${repo}/resolve/${revision}/${path}`)
    if (answer?.status !== 200) return answer?.status
    return sha256Of(new Uint8Array(await answer.arrayBuffer()))
  }

  /** Reads all that was promised, and all that is listed in `repo`. */
  async expectKept(repo?: string): Promise<void> {
    expect(this.outrages).toEqual([])
    for (const promise of this.promised) {
      expect({ ...promise, sha256: await this.sha256At(promise) }).toEqual(promise)
    }
    if (!repo) return
    const listed = await this.ask('GET', `/api/models/${repo}/tree/main?recursive=true`)
    const entries = (await listed?.json()) as { path: string; lfs?: { oid: string } }[]
    for (const { path, lfs } of entries) {
      if (!lfs) continue
      const found = await this.sha256At({ kind: 'lfs', repo, revision: 'main', path, sha256: lfs.oid })
      expect([path, found]).toEqual([path, lfs.oid])
    }
  }

  /** How many of each kind: without any a run has proven nothing. */
  expectSomeOfEach(): void {
    const counts = Object.groupBy(this.promised, promise => promise.kind)
    const kinds = ['regular', 'lfs', 'xet', 'git'] as const
    console.log(`promised: ${kinds.map(kind => `${counts[kind]?.length ?? 0} ${kind}`).join(', ')}`)
    for (const kind of kinds) expect(counts[kind]?.length, kind).toBeGreaterThan(0)
  }

  /** The status, once all of the answer has come. */
  async #complete(answer: Response | undefined): Promise<number | undefined> {
    try {
      await answer?.arrayBuffer()
      return answer?.status
    } catch {
      return undefined
    }
  }
}
