import { z } from 'zod'
import { time } from './parts.ts'

export const whoAmI = z.object({
  type: z.literal('user'),
  id: z.string(),
  name: z.string(),
  fullname: z.string(),
  email: z.string().nullable(),
  emailVerified: z.boolean(),
  canPay: z.boolean(),
  isPro: z.boolean(),
  periodEnd: z.null(),
  avatarUrl: z.string(),
  billingMode: z.string(),
  orgs: z.array(
    z.object({
      type: z.literal('org'),
      id: z.string(),
      name: z.string(),
      fullname: z.string(),
      email: z.null(),
      canPay: z.boolean(),
      avatarUrl: z.string(),
      periodEnd: z.null(),
      roleInOrg: z.enum(['admin', 'write', 'read']),
    }),
  ),
  auth: z.looseObject({
    type: z.string(),
    accessToken: z
      .looseObject({
        displayName: z.string(),
        role: z.enum(['read', 'write', 'fineGrained']),
        createdAt: time,
      })
      .optional(),
  }),
})
