"""The operations that the tests send."""

from typing import Any

CONTOSO: dict[str, Any] = {
    "name": "Contoso",
    "countryOrRegion": "US",
    "productRelease": "AX_2012_R2",
    "firstName": "Alice",
    "lastName": "Archer",
    "primaryEmailAddress": "alice@contoso.example",
}

FORM: dict[str, Any] = {
    "firstName": "Dora",
    "lastName": "Diaz",
    "microsoftAccount": "dora@live.example",
    "primaryEmailAddress": "dora@contoso.example",
    "roles": {},
}

ERRORS = """
fragment Errors on UserError {
  __typename code message path
  ... on LastServiceAdministratorError { services { code } }
  ... on UserHasRolesError { selectedRoles { code service { code } } }
  ... on RoleError { role { code } }
  ... on VersionConflictError { current { id version firstName } }
}
"""

PROFILE = """
fragment Profile on User {
  id version firstName lastName microsoftAccount primaryEmailAddress status
  organization { id name }
  selectedRoles { code service { code } }
  invitation { id status sentTo sendCount delivery deliveryDetail expiresAt acceptedAt }
}
"""

CATALOGUE = "{ services { id code name roles { id code name isServiceAdministrator actions } } }"

USER = "query User($id: ID!) { user(id: $id) { ...Profile } }" + PROFILE

SIGN_UP = (
    """
mutation SignUp($input: SignUpForServiceInput!) {
  signUpForService(input: $input) {
    subscription {
      id status viewerIsServiceAdministrator organization { id name }
      service { code } serviceAdministrators { id }
    }
    user { ...Profile }
    userErrors { ...Errors }
  }
}
"""
    + PROFILE
    + ERRORS
)

CREATE_USER = (
    """
mutation Create($input: CreateUserInput!) {
  createUser(input: $input) { user { ...Profile } userErrors { ...Errors } }
}
"""
    + PROFILE
    + ERRORS
)

EDIT_USER = (
    """
mutation Edit($input: EditUserInput!) {
  editUser(input: $input) { user { ...Profile } userErrors { ...Errors } }
}
"""
    + PROFILE
    + ERRORS
)

REMOVE_USERS = (
    """
mutation Remove($input: RemoveUsersInput!) {
  removeUsers(input: $input) {
    results { removedUserId userErrors { ...Errors } }
    userErrors { ...Errors }
  }
}
"""
    + ERRORS
)

INVITE_USERS = (
    """
mutation Invite($input: InviteUsersInput!) {
  inviteUsers(input: $input) {
    results {
      invitation { id status sentTo sendCount delivery expiresAt user { id } sentBy { id } }
      userErrors { ...Errors }
    }
    userErrors { ...Errors }
  }
}
"""
    + ERRORS
)

REVOKE_INVITATIONS = (
    """
mutation Revoke($input: RevokeInvitationsInput!) {
  revokeInvitations(input: $input) {
    results { invitation { id status } userErrors { ...Errors } }
    userErrors { ...Errors }
  }
}
"""
    + ERRORS
)

ACCEPT_INVITATION = (
    """
mutation Accept($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) {
    user { ...Profile } signOutFirst userErrors { ...Errors }
  }
}
"""
    + PROFILE
    + ERRORS
)

PREVIEW = """
query Preview($token: String!) {
  invitationPreview(token: $token) {
    usable organizationName serviceNames maskedMicrosoftAccount
  }
}
"""

SIGN_OUT = """
mutation SignOut($scope: SignOutScope! = THIS_SESSION) {
  signOut(scope: $scope) { signedOutSessions redirectUrl userErrors { code } }
}
"""

VIEWER = """
{
  viewer {
    microsoftAccount displayName
    profiles { id organization { name } }
    session { id isCurrent client }
    sessions { id isCurrent }
  }
}
"""

END_SESSION = """
mutation EndSession($id: ID!) {
  endSession(id: $id) { endedSessionId userErrors { code path } }
}
"""

ACTIVATE = (
    """
mutation Activate($id: ID!) {
  activateSubscription(id: $id) { subscription { id status } userErrors { ...Errors } }
}
"""
    + ERRORS
)

DEACTIVATE = (
    """
mutation Deactivate($id: ID!) {
  deactivateSubscription(id: $id) { subscription { id status } userErrors { ...Errors } }
}
"""
    + ERRORS
)

USERS = """
query Users(
  $organization: ID! $filter: UserFilter $orderBy: UserOrder
  $first: Int $after: String $last: Int $before: String
) {
  users(
    organizationId: $organization filter: $filter orderBy: $orderBy
    first: $first after: $after last: $last before: $before
  ) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { id firstName lastName primaryEmailAddress status selectedRoles { code } }
  }
}
"""

ORGANIZATION = """
query Organization($id: ID!) {
  organization(id: $id) {
    id name countryOrRegion productRelease viewerProfile { id }
    subscriptions {
      id status signedUpAt viewerIsServiceAdministrator service { code }
      availability { available reason }
      configurationChecklist { code label complete available href }
    }
    users { totalCount nodes { id } }
  }
}
"""

AUDIT = """
query Audit($id: ID! $filter: AuditEventFilter) {
  organization(id: $id) {
    auditEvents(filter: $filter) {
      totalCount
      nodes {
        action outcome actorName actor { id } subjectName subject { id } service { code }
        changes { field before after } requestId createdAt
      }
    }
  }
}
"""

ACCESS_TOKEN = """
fragment Token on AccessToken { id name prefix scopes createdAt expiresAt lastUsedAt }
"""

CREATE_ACCESS_TOKEN = (
    """
mutation CreateAccessToken($input: CreateAccessTokenInput!) {
  createAccessToken(input: $input) {
    accessToken { ...Token }
    secret
    userErrors { ...Errors }
  }
}
"""
    + ACCESS_TOKEN
    + ERRORS
)

REVOKE_ACCESS_TOKEN = (
    """
mutation RevokeAccessToken($id: ID!) {
  revokeAccessToken(id: $id) { revokedAccessTokenId userErrors { ...Errors } }
}
"""
    + ERRORS
)

ACCESS_TOKENS = "{ viewer { session { id } accessTokens { ...Token } } }" + ACCESS_TOKEN

CHECK_ACCESS = """
query CheckAccess($userId: ID!, $serviceId: ID!, $action: String!) {
  checkAccess(userId: $userId, serviceId: $serviceId, action: $action) {
    allowed steps { rule passed detail }
  }
}
"""
