// What the address bar says about the list, as the arguments of the query.
import type { UserFilter, UserOrder, UserStatus } from '../graph/generated'

export const PAGE_SIZE = 50

export const ORDERS = {
  name: { field: 'LAST_NAME', direction: 'ASC' },
  'name-down': { field: 'LAST_NAME', direction: 'DESC' },
  email: { field: 'PRIMARY_EMAIL_ADDRESS', direction: 'ASC' },
  newest: { field: 'CREATED_AT', direction: 'DESC' },
  oldest: { field: 'CREATED_AT', direction: 'ASC' },
  'signed-in': { field: 'LAST_SIGN_IN_AT', direction: 'DESC' },
} as const satisfies Record<string, UserOrder>

export type OrderName = keyof typeof ORDERS
export const STATUSES = ['NOT_INVITED', 'INVITED', 'ASSOCIATED'] as const satisfies UserStatus[]

export type ListChoice = {
  search: string
  service: string
  role: string
  status: UserStatus | ''
  order: OrderName
}

export function choiceOf(query: URLSearchParams): ListChoice {
  const status = STATUSES.find((one) => one === query.get('status')) ?? ''
  const order = query.get('order') ?? ''
  return {
    search: query.get('search') ?? '',
    service: query.get('service') ?? '',
    role: query.get('role') ?? '',
    status,
    order: order in ORDERS ? (order as OrderName) : 'name',
  }
}

export function filterOf(choice: ListChoice): UserFilter {
  return {
    search: choice.search.trim() || null,
    status: choice.status ? [choice.status] : null,
    serviceId: choice.service || null,
    roleIds: choice.role ? [choice.role] : null,
  }
}

export const isFiltered = (choice: ListChoice): boolean =>
  !!(choice.search.trim() || choice.service || choice.role || choice.status)
