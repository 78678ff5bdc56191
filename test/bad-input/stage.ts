import { connect } from 'node:net'
import { sql as raw } from 'kysely'
import { afterAll, beforeAll, expect } from 'vitest'
import { TestHub } from '../../server/hub-for-test.suite.ts'

/** What came back for bad input. */
interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/**
 * A whole hub that is sent bad input. Alice owns `alice/model`, which is public and has a branch beside `main`; Bob has
 * `bob/hidden-thing`, whose name nobody may learn.
 */
export class BadInputStage {
  #hub: TestHub | undefined
  #url: URL | undefined
  readonly repo = 'alice/model'

  constructor() {
    beforeAll(async () => {
      const hub = await TestHub.open()
      this.#hub = hub
      for (const name of ['alice', 'bob']) {
        await hub.hub.accounts.addUser({
          name,
          password: `${name} has a long password`,
          token: { value: `hf_${name}`, name: 'tests', role: 'write' },
        })
      }
      await hub.as('hf_alice').post('/api/repos/create', { name: 'model' })
      await hub.as('hf_bob').post('/api/repos/create', { name: 'hidden-thing', private: true })
      await this.alice.commit(this.repo, { 'a.txt': 'a', 'folder/b.txt': 'b' })
      this.#url = new URL(await hub.listen())
      await this.settle()
    })
    afterAll(() => this.#hub?.close())
  }

  get hub(): TestHub {
    return this.#hub as TestHub
  }

  get url(): URL {
    return this.#url as URL
  }

  get alice() {
    return this.hub.as('hf_alice')
  }

  get nobody() {
    return this.hub.as()
  }

  /** A message as it stands on the wire, and all that comes back until the hub closes the connection. */
  async wire(...pieces: (string | Uint8Array)[]): Promise<string> {
    const socket = connect(Number(this.url.port), this.url.hostname)
    socket.on('error', () => {})
    for (const piece of pieces) socket.write(piece)
    let said = ''
    for await (const piece of socket) said += piece
    return said
  }

  /** One request whose target is sent as it is. */
  async request(target: string, { method = 'GET', headers = '', body = '' } = {}): Promise<Answer> {
    const head = `${method} ${target} HTTP/1.1\r\nHost: hub.test\r\nConnection: close\r\n${headers}\r\n`
    return parse(await this.wire(head + body))
  }

  /** Sends so much of a message and cuts the connection. Resolves when the hub has let go of it. */
  async cutOff(...pieces: (string | Uint8Array)[]): Promise<void> {
    const socket = connect(Number(this.url.port), this.url.hostname)
    for (const piece of pieces) await new Promise(sent => socket.write(piece, sent))
    await new Promise(settle => setTimeout(settle, 50))
    socket.destroy()
    await new Promise(settle => setTimeout(settle, 150))
  }

  /** Every row of every table, every object: what bad input must leave as it was. */
  async state(): Promise<unknown> {
    const { database, objects } = this.hub.hub
    const tables = await raw<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(
      database.sql,
    )
    const rows: Record<string, unknown> = {}
    for (const { name } of tables.rows) {
      // Jobs come and go by themselves; a token remembers when it was used, an upload when it was asked about.
      if (/^sqlite_|^jobs$/.test(name)) continue
      const found = await raw<object>`select * from ${raw.table(name)}`.execute(database.sql)
      rows[name] = found.rows.map(row => ({ ...row, last_used_at: undefined, touched_at: undefined }))
    }
    const keys: string[] = []
    for await (const { key, size } of objects.list('')) keys.push(`${key} ${size}`)
    return { rows, keys: keys.sort() }
  }

  /** Waits until no job is left that would change rows. */
  async settle(): Promise<void> {
    const left = async () =>
      (await raw<{ n: number }>`select count(*) as n from jobs`.execute(this.hub.hub.database.sql)).rows[0]?.n
    for (let i = 0; i < 200 && (await left()) !== 0; i++) await new Promise(settle => setTimeout(settle, 25))
  }

  /** Holds an answer to what is promised of a refusal: its status, words that say what was wrong, and no others. */
  expectRefusal(answer: Answer, status: number, says: RegExp): void {
    expect([answer.status, answer.text.slice(0, 500)]).toEqual([status, expect.stringMatching(says)])
    if (answer.text.startsWith('{')) {
      const { error } = JSON.parse(answer.text) as { error: string }
      expect(answer.headers['x-error-message']).toBe(
        error
          .replace(/[^\x20-\x7e]/g, '?')
          .slice(0, 1000)
          .trim(),
      )
    }
    this.expectNoLeak(answer)
  }

  /** No place on the disk, no line of code, no name of a repository that is nobody's business. */
  expectNoLeak({ text, headers }: Answer): void {
    const shown = JSON.stringify(headers) + text
    expect(shown).not.toContain(this.hub.hub.config.data)
    expect(shown).not.toMatch(/hidden-thing|node_modules|\.ts:\d|\n +at |SQLITE|sqlite|zod|ENOENT|EACCES/i)
    expect(text.length).toBeLessThan(20_000)
  }

  /** Runs `work`, after which every row and object must be what it was. */
  async expectNothingStored(work: () => Promise<void>): Promise<void> {
    await this.settle()
    const before = await this.state()
    await work()
    expect(await this.state()).toEqual(before)
  }
}

/** A message of one answer. */
export function parse(message: string): Answer {
  const [head = '', ...rest] = message.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  return { status: Number(first.split(' ')[1]), headers, text: rest.join('\r\n\r\n') }
}
