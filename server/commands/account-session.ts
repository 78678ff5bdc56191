import type { Command } from 'commander'
import type { Accounts } from '../domains/accounts/index.ts'
import { HubError } from '../kernel/errors.ts'
import type { RepoType } from '../kernel/repository.ts'

/** What the commands about accounts work on: the hub's database, whether the hub runs or not. */
export interface AccountSession {
  readonly accounts: Accounts
  repoIdOf(type: RepoType, namespace: string, name: string): Promise<string | undefined>
  close(): Promise<void>
}

export type OpenAccounts = (options: { data?: string }) => Promise<AccountSession>

/** Runs `work`; a refusal ends the command with one line on stderr and exit code 1, after the database is closed. */
export async function withAccounts(
  command: Command,
  open: OpenAccounts,
  options: { data?: string },
  work: (session: AccountSession) => Promise<void>,
): Promise<void> {
  try {
    const session = await open(options)
    try {
      await work(session)
    } finally {
      await session.close()
    }
  } catch (error) {
    if (error instanceof HubError) command.error(`error: ${error.message}`)
    throw error
  }
}
