import type { Database } from '../../ports/database.ts'
import { decodeCode, isCurrent } from './candidate-code.ts'
import { CandidateIndex, type Query } from './candidates.ts'
import { changedCodes } from './store.ts'

/**
 * The index of all members of this hub. Rows are the truth: what other processes have changed is read before each
 * question, so all of them find the same.
 */
export class HubIndex {
  readonly #database: Database
  readonly #index = new CandidateIndex()
  #seen = { version: -1, id: '' }
  #reading: Promise<void> | undefined

  constructor(database: Database) {
    this.#database = database
  }

  /** Ids of at most 200 members that may be relatives, the most alike first. */
  async find(query: Query): Promise<string[]> {
    await this.#catchUp()
    return await this.#index.find(query)
  }

  async #catchUp(): Promise<void> {
    // One reader at a time: rows are applied in the order of their versions.
    while (this.#reading) await this.#reading
    this.#reading = this.#readChanges()
    try {
      await this.#reading
    } finally {
      this.#reading = undefined
    }
  }

  async #readChanges(): Promise<void> {
    for (;;) {
      const rows = await changedCodes(this.#database.sql, this.#seen)
      for (const { repo_id: id, sketch_key: content, ordered_at: order, code } of rows) {
        if (content === null || code === null) this.#index.delete(id)
        else if (isCurrent(code)) this.#index.set({ id, content, order, code: decodeCode(code) })
      }
      const last = rows.at(-1)
      if (!last) return
      this.#seen = { version: last.version, id: last.repo_id }
    }
  }
}
