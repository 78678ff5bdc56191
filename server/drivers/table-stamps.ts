import type { CompiledQuery, OperationNode } from 'kysely'

/**
 * Counts what is committed to each table, so that whoever has read from some tables can tell whether the answer still
 * holds: it does as long as the stamp is the same.
 */
export class TableStamps {
  #everything = 0
  readonly #counts = new Map<string, { value: number }>()

  /** Gives the stamp of these tables: a number that grows with each commit that wrote to one of them. */
  over(tables: readonly string[]): () => number {
    const counts = tables.map(table => this.#countOf(table))
    return () => {
      let stamp = this.#everything
      for (const count of counts) stamp += count.value
      return stamp
    }
  }

  /** Has committed a write to this table, or to who knows which. */
  note(table: string | undefined): void {
    if (table === undefined) this.#everything++
    else this.#countOf(table).value++
  }

  #countOf(table: string): { value: number } {
    let count = this.#counts.get(table)
    if (!count) {
      count = { value: 0 }
      this.#counts.set(table, count)
    }
    return count
  }
}

/** The one table that a writing statement names; undefined when it may write to any. */
export function tableWritten({ query }: CompiledQuery): string | undefined {
  switch (query.kind) {
    case 'InsertQueryNode':
      return nameOf(query.into)
    case 'UpdateQueryNode':
      return nameOf(query.table)
    case 'DeleteQueryNode': {
      const [only, ...more] = query.from.froms
      return more.length === 0 ? nameOf(only) : undefined
    }
    default:
      return undefined
  }
}

function nameOf(node: OperationNode | undefined): string | undefined {
  if (node?.kind === 'AliasNode') return nameOf((node as { node?: OperationNode } & OperationNode).node)
  if (node?.kind !== 'TableNode') return undefined
  const { table } = node as unknown as { table: { identifier: { name: string } } }
  return table.identifier.name
}
