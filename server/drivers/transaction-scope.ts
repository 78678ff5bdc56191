import { AsyncLocalStorage } from 'node:async_hooks'
import type { Sql } from '../ports/database.ts'

interface Scope {
  isOpen: boolean
  readonly afterCommit: (() => void)[]
}

/**
 * Knows which code runs inside a transaction of one database, whatever it has awaited on the way. Two things hang on
 * it: a statement that would wait for its own transaction is refused instead of hanging, and consequences can wait
 * for the commit. Both drivers share it, so that a fault shows on the embedded one first.
 */
export class TransactionScope {
  readonly #current = new AsyncLocalStorage<Scope>()

  /** Throws inside an open transaction. Called before a connection is taken. */
  refuseInside(): void {
    if (this.#current.getStore()?.isOpen) {
      throw new Error(
        'a statement outside the transaction was awaited inside it: use the `tx` that the work was given',
      )
    }
  }

  afterCommit(listener: () => void): void {
    const scope = this.#current.getStore()
    if (!scope?.isOpen) throw new Error('afterCommit was called outside a transaction')
    scope.afterCommit.push(listener)
  }

  async run<T>(sql: Sql, work: (tx: Sql) => Promise<T>): Promise<T> {
    const scope: Scope = { isOpen: true, afterCommit: [] }
    let result: T
    try {
      // The connection is taken outside the scope, only the work runs inside.
      result = await sql.transaction().execute(tx => this.#current.run(scope, work, tx))
    } finally {
      scope.isOpen = false
    }
    // Each on its own: the transaction has happened, whatever a listener throws.
    for (const listener of scope.afterCommit) queueMicrotask(listener)
    return result
  }
}
