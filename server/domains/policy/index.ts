/** Who may do what. Pure: it decides on facts that it is given and asks nobody. */
import { can, demand } from './can.ts'
import { privateReach } from './private-reach.ts'

export type { Admission } from './admission.ts'
export type { Action, Decision, Facts } from './can.ts'
export { Forbidden, GatedRepo, NotSignedIn, RepoHidden } from './errors.ts'

export type { PrivateReach } from './private-reach.ts'

export const policy = { can, demand, privateReach }
export type Policy = typeof policy
