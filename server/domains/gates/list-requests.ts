import type { Repository } from '../../kernel/repository.ts'
import type { GateParts } from './parts.ts'
import { type AccessRequest, requestsWith } from './store.ts'
import { type RequestStatus, requestStatuses } from './tables.ts'

/** huggingface_hub `hf_api.py:_list_access_requests`. */
export interface ListedRequest {
  readonly requestId: string
  /** Absent when the account is gone. The email of those alone who have asked themselves: they were told. */
  readonly user?: {
    readonly _id: string
    readonly user: string
    readonly fullname: string
    readonly email?: string
  }
  readonly status: RequestStatus
  readonly timestamp: string
  readonly fields?: unknown
  readonly rejectionReason?: string
}

type Parts = Pick<GateParts, 'database' | 'accounts'>

/** A page of an owner's list, newest first, and where the next one begins. */
export async function listRequests(
  { database, accounts }: Parts,
  repo: Repository,
  status: RequestStatus,
  before: string | undefined,
  limit: number,
): Promise<{ page: ListedRequest[]; next: string | undefined }> {
  const rows = await requestsWith(database.sql, repo.id, status, before, limit + 1)
  const page = rows.slice(0, limit)
  const users = await accounts.contactsById(page.map(row => row.user_id))
  const listed = page.map(row => {
    const user = users.get(row.user_id)
    if (!user) return presentRequest(row)
    const { email } = user
    const isShared = email !== undefined && row.is_by_hand === 0
    const shown = { _id: user.id, user: user.name, fullname: user.fullname, ...(isShared && { email }) }
    return { ...presentRequest(row), user: shown }
  })
  return { page: listed, next: rows.length > limit ? page.at(-1)?.id : undefined }
}

export function presentRequest(row: AccessRequest): ListedRequest {
  return {
    requestId: row.id,
    status: row.status,
    timestamp: new Date(row.created_at).toISOString(),
    ...(row.fields !== null && { fields: JSON.parse(row.fields) as unknown }),
    ...(row.rejection_reason !== null && { rejectionReason: row.rejection_reason }),
  }
}

const reportPage = 500

/** All requests of a repository as NDJSON, a page in memory at a time. */
export async function* reportRequests(parts: Parts, repo: Repository): AsyncGenerator<string> {
  for (const status of requestStatuses) {
    let before: string | undefined
    do {
      const { page, next } = await listRequests(parts, repo, status, before, reportPage)
      yield page.map(request => `${JSON.stringify(request)}\n`).join('')
      before = next
    } while (before !== undefined)
  }
}
