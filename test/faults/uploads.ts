import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chunksOf, makeFile, makeXorb } from '../../server/domains/blobs/cas-for-test.suite.ts'
import { encodeShard } from '../../server/formats/shard-encode.ts'
import { GitClient } from '../git-client.ts'

export interface Answer {
  readonly status: number
  readonly words: string
}

/** One thing that is uploaded, and may be sent again. */
export interface Upload {
  /** 200 when it was acknowledged. */
  send(): Promise<Answer>
  /** `whole` (byte for byte), `absent`, or what it is else. */
  state(): Promise<string>
}

/** Makes uploads of every kind into one repository of a hub that listens; `data` is its data folder. */
export class Uploads {
  readonly #hub: { readonly url: string; readonly token: string; readonly data: string }
  readonly #repo: string
  readonly #git: GitClient
  #serial = 0

  private constructor(hub: { url: string; token: string; data: string }, repo: string, git: GitClient) {
    this.#hub = hub
    this.#repo = repo
    this.#git = git
  }

  /** Makes the repository of the token's owner, and a clone of it. */
  static async open(hub: { url: string; token: string; data: string }, owner: string, name: string) {
    const git = new GitClient(await mkdtemp(join(tmpdir(), 'banyan-uploads-')))
    const uploads = new Uploads(hub, `${owner}/${name}`, git)
    await uploads.#expect(200, uploads.#send('POST', '/api/repos/create', JSON.stringify({ name })))
    const address = hub.url.replace('//', `//${owner}:${hub.token}@`)
    await git.run('clone', '-q', `${address}/${owner}/${name}`, 'work')
    return uploads
  }

  /** A commit of one small file by the API. */
  commit(): Upload {
    const content = randomBytes(200).toString('hex')
    const path = `regular/${this.#serial++}.txt`
    const file = { path, content: Buffer.from(content).toString('base64'), encoding: 'base64' }
    return {
      send: () => this.#commit({ key: 'file', value: file }),
      state: () => this.#stateOf(`${this.#hub.url}/${this.#repo}/resolve/main/${path}`, Buffer.from(content)),
    }
  }

  /** A large file by git-lfs' basic transfer. */
  lfs(size = 300_000): Upload {
    return this.#lfsContent(size)
  }

  #lfsContent(size: number) {
    const content = randomBytes(size)
    const object = { oid: sha256(content), size }
    return {
      content,
      object,
      send: async () => {
        const upload = (await this.#batch('upload', object)).actions?.upload
        return upload ? await this.#send('PUT', upload.href, content) : { status: 200, words: 'is here' }
      },
      state: async () => {
        const download = (await this.#batch('download', object)).actions?.download
        return download ? await this.#stateOf(download.href, content) : 'absent'
      },
    }
  }

  /** A large file, and the commit that gives it a path. */
  lfsFile(path: string): Upload {
    const { content, object, ...upload } = this.#lfsContent(300_000)
    return {
      send: async () => {
        const sent = await upload.send()
        return sent.status === 200
          ? await this.#commit({ key: 'lfsFile', value: { path, algo: 'sha256', oid: object.oid } })
          : sent
      },
      state: () => this.#stateOf(`${this.#hub.url}/${this.#repo}/resolve/main/${path}`, content),
    }
  }

  /** The last, small part of a file that comes in parts. */
  part(): Upload {
    const bytes = randomBytes(1000)
    const object = { oid: sha256(bytes), size: 512 * 1024 * 1024 + bytes.length }
    let href = ''
    return {
      send: async () => {
        const { actions } = await this.#batch('upload', object, 'multipart')
        href = actions?.upload?.header?.['00009'] ?? ''
        return await this.#send('PUT', href, bytes)
      },
      state: async () => {
        const [, upload, part] = /uploads\/([^/]+)\/(\d+)/.exec(href) ?? []
        const folder = join(this.#hub.data, 'objects/uploads', String(upload))
        const names = await readdir(folder).catch((): string[] => [])
        if (!names.includes(String(part))) return 'absent'
        const { size } = await stat(join(folder, String(part)))
        return size === bytes.length ? 'whole' : `${size} bytes`
      },
    }
  }

  /** A xorb, as a Xet client sends it. */
  xorb(): Upload {
    const xorb = makeXorb(chunksOf(randomBytes(200_000)))
    return {
      send: () => this.#cas('POST', `/v1/xorbs/default/${xorb.hash}`, xorb.body),
      state: async () => {
        const { status } = await this.#cas('POST', `/v1/xorb-grants/default/${xorb.hash}`, '')
        return status === 200 ? 'whole' : status === 404 ? 'absent' : `status ${status}`
      },
    }
  }

  /** A file by xorb and shard; `version` 2 answers line by line. */
  shard(version: 1 | 2 = 1): Upload {
    const content = randomBytes(200_000)
    const xorb = makeXorb(chunksOf(content))
    const { frameEnds, chunks } = xorb.index
    const file = makeFile(content, { xorb, start: 0, end: frameEnds.length })
    const shard = encodeShard({ files: [file], xorbs: [{ hash: xorb.hash, chunks }] })
    return {
      send: async () => {
        const sent = await this.#cas('POST', `/v1/xorbs/default/${xorb.hash}`, xorb.body)
        if (sent.status !== 200) return sent
        const answer = await this.#cas('POST', `/v${version}/shards`, shard)
        const last = version === 2 ? JSON.parse(answer.words.trim().split('\n').at(-1)!) : undefined
        // It is told in the last line, when the status has been sent.
        return last?.type === 'error' ? { status: 507, words: last.message } : answer
      },
      state: async () => {
        const { status } = await this.#cas('GET', `/v2/reconstructions/${file.hash}`)
        if (status !== 200) return status === 404 ? 'absent' : `status ${status}`
        const download = (await this.#batch('download', { oid: file.sha256!, size: content.length })).actions
        return await this.#stateOf(download!.download!.href, content)
      },
    }
  }

  /** A branch by git. */
  push(): Upload {
    const branch = `pushed-${this.#serial++}`
    let commit: Promise<string> | undefined
    return {
      send: async () => {
        commit ??= this.#git.commit('work', { [`${branch}.txt`]: randomBytes(500).toString('hex') })
        await commit
        const { code, stderr } = await this.#git.attempt(
          '-C',
          'work',
          'push',
          '-q',
          'origin',
          `HEAD:refs/heads/${branch}`,
        )
        // git says refusals in its own protocol, not by the status.
        const status = code === 0 ? 200 : /disk of this hub is full/.test(stderr) ? 507 : 503
        return { status, words: stderr }
      },
      state: async () => {
        const found = await this.#git.run('-C', 'work', 'ls-remote', 'origin', `refs/heads/${branch}`)
        if (found === '') return 'absent'
        if (!found.startsWith(String(await commit))) return found
        return 'whole'
      },
    }
  }

  /** A new repository: rows and a pack. */
  repo(): Upload {
    const name = `made-${this.#serial++}`
    const path = `/api/models/${this.#repo.split('/')[0]}/${name}`
    return {
      send: () => this.#send('POST', '/api/repos/create', JSON.stringify({ name })),
      state: async () => {
        const { status } = await this.#send('GET', `${path}/tree/main`)
        return status === 200 ? 'whole' : status === 404 ? 'absent' : `status ${status}`
      },
    }
  }

  #commit(operation: object): Promise<Answer> {
    const lines = [{ key: 'header', value: { summary: 'one file' } }, operation]
    const body = lines.map(line => JSON.stringify(line)).join('\n')
    const headers = { 'content-type': 'application/x-ndjson' }
    return this.#send('POST', `/api/models/${this.#repo}/commit/main`, body, headers)
  }

  async #stateOf(url: string, expected: Uint8Array): Promise<string> {
    const answer = await fetch(url, { headers: this.#key() })
    const bytes = Buffer.from(await answer.arrayBuffer())
    if (answer.status === 404) return 'absent'
    if (answer.status !== 200) return `status ${answer.status}`
    return bytes.equals(expected) ? 'whole' : `${bytes.length} other bytes`
  }

  async #batch(operation: 'upload' | 'download', object: { oid: string; size: number }, transfer = 'basic') {
    const body = JSON.stringify({ operation, transfers: [transfer], objects: [object] })
    const answer = await this.#send('POST', `/${this.#repo}.git/info/lfs/objects/batch`, body)
    if (answer.status !== 200) throw new Refused(answer)
    return JSON.parse(answer.words).objects[0] as {
      actions?: Record<string, { href: string; header?: Record<string, string> }>
    }
  }

  async #cas(method: string, path: string, body?: Uint8Array | string): Promise<Answer> {
    const key = await this.#expect(200, this.#send('GET', `/api/models/${this.#repo}/xet-write-token/main`))
    const { accessToken, casUrl } = JSON.parse(key.words)
    return await this.#send(method, `${casUrl}${path}`, body, { authorization: `Bearer ${accessToken}` })
  }

  #key() {
    return { authorization: `Bearer ${this.#hub.token}` }
  }

  async #send(
    method: string,
    path: string,
    body?: Uint8Array | string,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const answer = await fetch(path.startsWith('http') ? path : `${this.#hub.url}${path}`, {
      method,
      headers: { ...this.#key(), 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: body as NonNullable<RequestInit['body']> }),
    })
    return { status: answer.status, words: await answer.text() }
  }

  async #expect(status: number, answer: Promise<Answer>): Promise<Answer> {
    const found = await answer
    if (found.status !== status) throw new Refused(found)
    return found
  }
}

/** A step on the way to the upload itself was refused. */
export class Refused extends Error {
  readonly answer: Answer
  constructor(answer: Answer) {
    super(`${answer.status}: ${answer.words}`)
    this.answer = answer
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
