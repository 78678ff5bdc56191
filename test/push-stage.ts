import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { allRefs, packsOf } from '../server/domains/repos/store.ts'
import { encodePktLine, encodePktMarker } from '../server/formats/pktline.ts'
import type { Repository } from '../server/kernel/repository.ts'
import { type GitClient, newGitClient } from './git-client.ts'
import { type InProcessHub, startInProcessHub } from './in-process-hub.ts'

/** One hub for a file of tests, and for each test a new repository with a clone of it in the folder `work`. */
export class PushStage {
  #hub: InProcessHub | undefined
  #git: GitClient | undefined
  #repo: Repository | undefined
  #serial = 0

  constructor() {
    beforeAll(async () => {
      this.#hub = await startInProcessHub()
    })
    afterAll(() => this.#hub?.close())
    beforeEach(async () => {
      this.#git = await newGitClient(this.hub)
      this.#repo = await this.hub.createRepo(`repo-${this.#serial++}`)
      await this.git.run('clone', '-q', this.hub.urlOf(this.repo), 'work')
      this.hub.events.length = 0
    })
  }

  get hub(): InProcessHub {
    return this.#hub as InProcessHub
  }

  get git(): GitClient {
    return this.#git as GitClient
  }

  get repo(): Repository {
    return this.#repo as Repository
  }

  push(...args: string[]): Promise<string> {
    return this.git.run('-C', 'work', 'push', '-q', ...args)
  }

  /** What git printed of a push that must fail. */
  async refusedPush(...args: string[]): Promise<string> {
    const { code, stderr } = await this.git.attempt('-C', 'work', 'push', ...args)
    expect(code).not.toBe(0)
    return stderr
  }

  async refs(): Promise<Record<string, string>> {
    const found = await allRefs(this.hub.parts.database.sql, this.repo.id)
    return Object.fromEntries(found.map(ref => [ref.name, ref.oid]))
  }

  async packIds(): Promise<string[]> {
    return (await packsOf(this.hub.parts.database.sql, this.repo.id)).map(pack => pack.packId)
  }

  /** After a refused push nothing may be otherwise: no ref, row, object, event or file. */
  async expectNothingChanged(work: () => Promise<unknown>): Promise<void> {
    const state = async () => [await this.refs(), await this.packIds(), await this.#storedKeys()]
    const before = await state()
    await work()
    expect(await state()).toEqual(before)
    expect(this.hub.events).toEqual([])
    expect(await readdir(join(this.hub.parts.mirror.folder, 'scratch'))).toEqual([])
  }

  async #storedKeys(): Promise<string[]> {
    const keys = []
    for await (const { key } of this.hub.parts.objects.list(`repos/${this.repo.id}/`)) keys.push(key)
    return keys
  }

  /** Sends the body of a push as it is. */
  post(body: Uint8Array): Promise<Response> {
    return fetch(`${this.hub.urlOf(this.repo, 'nobody')}/git-receive-pack`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-git-receive-pack-request',
        authorization: `Basic ${Buffer.from('ada:secret').toString('base64')}`,
      },
      body: new Uint8Array(body),
    })
  }

  /** Creates one ref at `oid`; gives the report. */
  async pushPack(oid: string, pack: Uint8Array, ref = 'refs/heads/raw'): Promise<string> {
    const answer = await this.post(Buffer.concat([creation(oid, ref), pack]))
    expect(answer.status).toBe(200)
    return await answer.text()
  }
}

/** The command list that creates one ref. */
export function creation(oid: string, ref: string, words = 'report-status'): Buffer {
  const line = `${'0'.repeat(40)} ${oid} ${ref}\0${words}`
  return Buffer.concat([encodePktLine(line), encodePktMarker('flush')])
}

export function emptyPack(): Buffer {
  const head = Buffer.from('5041434b0000000200000000', 'hex')
  return Buffer.concat([head, createHash('sha1').update(head).digest()])
}
