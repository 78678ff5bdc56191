import { sql as raw } from 'kysely'
import type { RepoType } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'

/** SQL that finds which tags there are by jumping from one to the next in their index, however often each occurs. */

/** Tags looked at by one statement: a millisecond or a few, then others are served. */
const jumps = 200

/** Tags that a public repository of this type has. */
export async function publicTags(sql: Sql, type: RepoType): Promise<string[]> {
  const tags: string[] = []
  let after = ''
  for (;;) {
    const { rows } = await raw<{ tag_key: string; tag: string | null }>`
      with recursive keys (tag_key, n) as (
        select (select min(tag_key) from catalog_tags where tag_key > ${after}), 1
        union all
        select (select min(tag_key) from catalog_tags where tag_key > keys.tag_key), n + 1
        from keys where tag_key is not null and n < ${raw.lit(jumps)}
      )
      select tag_key, (
        select t.tag from catalog_tags t join catalog c on c.repo_id = t.repo_id
        where t.tag_key = keys.tag_key and c.type = ${type} and c.is_private = 0 limit 1
      ) as tag
      from keys where tag_key is not null order by n
    `.execute(sql)
    tags.push(...rows.flatMap(row => row.tag ?? []))
    const last = rows.at(-1)
    if (!last || rows.length < jumps) return tags
    after = last.tag_key
  }
}
