"use strict";

const ENDPOINT = "/graphql";

/** What this page itself asks: `who` and `sign-out`, trusted documents of the gateway. */
const OWN = JSON.parse(document.getElementById("own").textContent);

/** POST one request. The session's cookie goes along, since the endpoint is of this origin. */
async function send(parameters, headers) {
  const answer = await fetch(ENDPOINT, {
    method: "POST",
    headers: {
      Accept: "application/graphql-response+json, application/json",
      "Content-Type": "application/json",
      ...headers,
    },
    body: JSON.stringify(parameters),
  });
  return answer.json();
}

/** GraphiQL may still name the operation of the tab before, just after changing tabs. */
function withoutStaleName({ operationName, ...parameters }) {
  const isThere = new RegExp(`\\b${operationName}\\b`).test(parameters.query);
  return isThere ? { ...parameters, operationName } : parameters;
}

/** The ids that examples can start from: those of the viewer's first organization. */
function known(data) {
  const organization = data?.viewer?.profiles[0]?.organization;
  const subscriptions = organization?.subscriptions ?? [];
  const subscription =
    subscriptions.find((one) => one.viewerIsServiceAdministrator) ?? subscriptions[0];
  const service =
    data?.services.find((one) => one.id === subscription?.service.id) ?? data?.services[0];
  const role = service?.roles.find((one) => !one.isServiceAdministrator) ?? service?.roles[0];
  return { organizationId: organization?.id, serviceId: service?.id, roleId: role?.id };
}

/** Variables with `<organizationId>` and such replaced, where the id is known. */
function filled(variables, ids) {
  return variables?.replace(/<(\w+)>/g, (placeholder, name) => ids[name] ?? placeholder);
}

function showAccount(viewer) {
  document.getElementById("account").textContent = viewer
    ? `Signed in as ${viewer.microsoftAccount}`
    : "Not signed in";
  document.getElementById("sign-in").hidden = Boolean(viewer);
  const button = document.getElementById("sign-out");
  button.hidden = !viewer;
  button.addEventListener("click", async () => {
    const { data } = await send({ query: OWN["sign-out"] });
    window.location.assign(data?.signOut.redirectUrl ?? ENDPOINT);
  });
}

async function start() {
  const { data } = await send({ query: OWN.who });
  showAccount(data?.viewer);
  const ids = known(data);
  const tabs = JSON.parse(document.getElementById("tabs").textContent);
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, {
      fetcher: (parameters, options) => send(withoutStaleName(parameters), options?.headers),
      defaultTabs: tabs.map(({ query, variables }) => ({
        query,
        variables: filled(variables, ids),
      })),
      defaultEditorToolsVisibility: "variables",
      isHeadersEditorEnabled: true,
      showPersistHeadersSettings: false,
    }),
  );
}

start();
