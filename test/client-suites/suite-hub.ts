import { type Hub, startHub } from '../hub.ts'

interface Account {
  readonly name: string
  readonly fullname: string
  readonly email?: string
  readonly token: string
  readonly tokenName?: string
  readonly password?: string
  /** Writes to what belongs to others. */
  readonly isAdmin?: boolean
}

/** Whoever owns the repositories that stand for those of huggingface.co. */
export const SEEDER = { name: 'seeder', fullname: 'Seeder', token: 'hf_seeder', isAdmin: true }

/** Whose the repositories are that the tests make. */
export const TESTER = {
  name: '__DUMMY_HUB_USER__',
  fullname: 'Dummy User',
  token: 'hf_HubCITokenXXXXXXXXXXXXXXXXXXXXX',
}

/** Who signs in with a browser, in the one test that has one. */
export const BROWSER_USER = { name: 'hub.js', password: 'correct horse battery' }

/** tests/testing_constants.py of huggingface_hub and src/test/consts.ts of @huggingface/hub name these. */
const USERS: readonly Account[] = [
  TESTER,
  { name: 'DVUser', fullname: 'DV User', token: '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' },
  { name: 'EnterpriseAdmin', fullname: 'Enterprise Admin', token: 'hf_enterprise_admin_token' },
  {
    ...BROWSER_USER,
    fullname: '@huggingface/hub CI bot',
    email: 'eliott@huggingface.co',
    token: 'hf_hub.js',
    tokenName: 'ci-hub.js',
  },
  { name: 'julien-c', fullname: 'Julien', token: 'hf_julien-c' },
  { name: 'clem', fullname: 'Clem', token: 'hf_clem' },
  { name: 'victor', fullname: 'Victor', token: 'hf_fake_token' },
  SEEDER,
]

const ORGANIZATIONS: readonly (readonly string[])[] = [
  ['valid_org_hub', '--fullname', 'Dummy Hub Org', '--member', `${TESTER.name}:admin`],
  ['EnterpriseOrgPrivate', '--member', 'EnterpriseAdmin:admin', '--private-by-default'],
]

/** Where `python/seed.py` makes repositories. */
const SEEDED = [
  'albert',
  'allenai',
  'aschen',
  'black-forest-labs',
  'celinah',
  'facebook',
  'gaia-benchmark',
  'google',
  'google-bert',
  'google-t5',
  'gradio',
  'hf-internal-testing',
  'huggingface',
  'HuggingFaceBR4',
  'HuggingFaceFW',
  'HuggingFaceH4',
  'huggingface-hub-ci',
  'huggingfacejs',
  'kernels-community',
  'lhoestq',
  'many',
  'microsoft',
  'mteb',
  'muellerzr',
  'multimodalart',
  'nvidia',
  'nyu-mll',
  'openai',
  'open-llm-leaderboard',
  'openai-community',
  'openchat',
  'Qwen',
  'rajpurkar',
  'zai-org',
]

/** A hub with the users, organisations and tokens that the tests name, and the namespaces of what is seeded. */
export async function startSuiteHub(): Promise<Hub> {
  const hub = await startHub()
  try {
    for (const { name, fullname, email, token, tokenName = 'ci', password, isAdmin } of USERS) {
      const known = [
        ...['--fullname', fullname],
        ...(email ? ['--email', email] : []),
        ...(isAdmin ? ['--admin'] : []),
        ...(password ? ['--password-stdin'] : []),
      ]
      const key = ['--token', token, '--token-name', tokenName, '--token-role', 'write']
      await hub.runCli(['user', 'add', name, ...known, ...key], password)
    }
    const seeded = SEEDED.map(name => [
      name,
      ...['--member', `${SEEDER.name}:admin`, '--member', 'julien-c:write'],
    ])
    for (const organization of [...ORGANIZATIONS, ...seeded])
      await hub.runCli(['org', 'add', ...organization])
    return hub
  } catch (error) {
    await hub.stop()
    throw error
  }
}
