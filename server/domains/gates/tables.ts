import type { Admission } from '../policy/index.ts'

/** SQL tables of this domain. Booleans are 0 | 1, times milliseconds. */
export type GateTables = {
  /** One a user and repository. */
  access_requests: {
    id: string
    repo_id: string
    user_id: string
    status: RequestStatus
    /** JSON: the answers to the card's fields. */
    fields: string | null
    /** An owner let the user in who had not asked: the email was never offered, so it is not shown. */
    is_by_hand: number
    rejection_reason: string | null
    created_at: number
    /** When an owner last decided; null while it stands as the gate itself has left it. */
    decided_at: number | null
  }
}

export const requestStatuses = ['pending', 'accepted', 'rejected'] as const
export type RequestStatus = Exclude<Admission, 'none'>
