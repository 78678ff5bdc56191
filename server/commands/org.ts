import { Command, InvalidArgumentError } from 'commander'
import type { OrganizationRole } from '../kernel/actor.ts'
import { type OpenAccounts, withAccounts } from './account-session.ts'

interface AddOptions {
  fullname?: string
  member: Member[]
  privateByDefault?: true
  data?: string
}

type Member = { user: string; role: OrganizationRole }

/** `banyan org add`. */
export function orgCommand(open: OpenAccounts): Command {
  const org = new Command('org').description(
    'Organizations: names under which several people keep repositories',
  )
  org
    .command('add')
    .summary('add an organization')
    .description(
      'Adds an organization with its members. "read" sees private repositories, "write" and "admin" change all of them.',
    )
    .argument('<name>', 'letters, digits, ".", "_" and "-", at most 64; shares one list of names with users')
    .option('--fullname <name>', 'how pages call it (default: NAME)')
    .requiredOption(
      '--member <user:role>',
      'an existing user, as admin, write or read; repeat for more',
      addMember,
    )
    .option('--private-by-default', 'new repositories are private unless asked otherwise')
    .option('--data <dir>', 'data folder of the hub')
    .addHelpText(
      'after',
      `
Example:
  banyan org add acme --fullname "Acme Research" --member alice:admin --member bob:read`,
    )
    .action(async (name: string, options: AddOptions, command: Command) => {
      await withAccounts(command, open, options, async ({ accounts }) => {
        const account = await accounts.addOrganization({
          name,
          fullname: options.fullname,
          members: options.member,
          privateByDefault: options.privateByDefault,
        })
        command.configureOutput().writeErr?.(`Added the organization ${account.name}.\n`)
      })
    })
  return org
}

function addMember(text: string, earlier: Member[] = []): Member[] {
  const [, user, role] = /^([^:]+):(admin|write|read)$/.exec(text) ?? []
  if (!user || !role) throw new InvalidArgumentError('It must be USER:admin, USER:write or USER:read.')
  return [...earlier, { user, role: role as OrganizationRole }]
}
