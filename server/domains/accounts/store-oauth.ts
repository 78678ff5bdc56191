import type { Sql } from '../../ports/database.ts'
import type { AccountTables, SessionTables } from './tables.ts'

/** SQL about programs that somebody lets in from a browser. */

export type DeviceCode = SessionTables['device_codes']
export type AuthorizationCode = SessionTables['authorization_codes']
export type RefreshToken = SessionTables['refresh_tokens']

const tables = (sql: Sql) => sql.withTables<AccountTables & SessionTables>()

export async function insertDeviceCode(tx: Sql, row: DeviceCode): Promise<void> {
  await tables(tx).insertInto('device_codes').values(row).execute()
}

export async function deleteDeviceCodesEndedBefore(tx: Sql, moment: number): Promise<void> {
  await tables(tx).deleteFrom('device_codes').where('expires_at', '<', moment).execute()
}

export async function countDeviceCodes(tx: Sql): Promise<number> {
  const { count } = await tables(tx)
    .selectFrom('device_codes')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

export async function deviceCodeByHash(tx: Sql, hash: string): Promise<DeviceCode | undefined> {
  return await tables(tx).selectFrom('device_codes').selectAll().where('hash', '=', hash).executeTakeFirst()
}

export async function deviceCodeByUserCode(sql: Sql, hash: string): Promise<DeviceCode | undefined> {
  return await tables(sql)
    .selectFrom('device_codes')
    .selectAll()
    .where('user_code_hash', '=', hash)
    .executeTakeFirst()
}

export async function updateDeviceCode(tx: Sql, hash: string, change: Partial<DeviceCode>): Promise<void> {
  await tables(tx).updateTable('device_codes').set(change).where('hash', '=', hash).execute()
}

export async function deleteDeviceCode(tx: Sql, hash: string): Promise<void> {
  await tables(tx).deleteFrom('device_codes').where('hash', '=', hash).execute()
}

export async function insertAuthorizationCode(tx: Sql, row: AuthorizationCode): Promise<void> {
  await tables(tx).insertInto('authorization_codes').values(row).execute()
}

export async function authorizationCodeByHash(tx: Sql, hash: string): Promise<AuthorizationCode | undefined> {
  return await tables(tx)
    .selectFrom('authorization_codes')
    .selectAll()
    .where('hash', '=', hash)
    .executeTakeFirst()
}

export async function deleteAuthorizationCode(tx: Sql, hash: string): Promise<void> {
  await tables(tx).deleteFrom('authorization_codes').where('hash', '=', hash).execute()
}

export async function deleteAuthorizationCodesEndedBefore(tx: Sql, moment: number): Promise<void> {
  await tables(tx).deleteFrom('authorization_codes').where('expires_at', '<', moment).execute()
}

export async function insertRefreshToken(tx: Sql, row: RefreshToken): Promise<void> {
  await tables(tx).insertInto('refresh_tokens').values(row).execute()
}

/** By the hash of the good one or of the one before. */
export async function refreshTokenByHash(tx: Sql, hash: string): Promise<RefreshToken | undefined> {
  return await tables(tx)
    .selectFrom('refresh_tokens')
    .selectAll()
    .where(where => where.or([where('hash', '=', hash), where('previous_hash', '=', hash)]))
    .executeTakeFirst()
}

export async function updateRefreshToken(tx: Sql, id: string, change: Partial<RefreshToken>): Promise<void> {
  await tables(tx).updateTable('refresh_tokens').set(change).where('id', '=', id).execute()
}

export async function deleteRefreshToken(tx: Sql, id: string): Promise<void> {
  await tables(tx).deleteFrom('refresh_tokens').where('id', '=', id).execute()
}

export async function deleteRefreshTokensUsedBefore(tx: Sql, moment: number): Promise<void> {
  await tables(tx).deleteFrom('refresh_tokens').where('refreshed_at', '<', moment).execute()
}

export async function endTokenAt(tx: Sql, tokenId: string, moment: number): Promise<void> {
  await tables(tx)
    .updateTable('access_tokens')
    .set({ expires_at: moment })
    .where('id', '=', tokenId)
    .where('expires_at', '>', moment)
    .execute()
}
