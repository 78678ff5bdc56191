import { whoAmI as whoAmIAnswer } from '../../../contract/accounts.ts'
import { type Route, route } from '../../http/route.ts'
import { BadCredentials } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { authorizeRoutes } from './routes-authorize.ts'
import { oauthRoutes } from './routes-oauth.ts'
import { sessionRoutes } from './routes-sessions.ts'
import { tokenRoutes } from './routes-tokens.ts'
import { whoAmI } from './who-am-i.ts'

export function accountRoutes(parts: AccountParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/whoami-v2',
      grant: 'signed-in',
      about: { summary: 'Who the token belongs to', answers: { 200: whoAmIAnswer } },
      handle({ actor }) {
        if (actor.kind === 'anonymous') throw new BadCredentials()
        return whoAmI(parts, actor)
      },
    }),
    ...sessionRoutes(parts),
    ...tokenRoutes(parts),
    ...oauthRoutes(parts),
    ...authorizeRoutes(parts),
  ]
}
