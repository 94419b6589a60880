#!/usr/bin/env python3
"""A proxy in front of both emulators of a rehearsal that denies what IAM would deny.

Usage: permission_gate.py MAIN SECOND IDENTITIES LOG AUTHORIZATION

MAIN and SECOND are the URLs of the emulators. IDENTITIES is a JSON file: access key ID -> list of policy documents.
An identity that is not in it may do everything. Each decision is written to LOG, as a line of JSON. AUTHORIZATION is
an extract of AWS's Service Authorization Reference (scripts/authorization.py). Prints the URLs of both proxies.

fakecloud 0.51 enforces IAM for a few services only. ministack does for all, but knows only coarse resources. So
ministack determines the action, from botocore's models, and evaluates the policies, conditions included. The resources
of a call and their tags are determined here, service by service. If the action or a resource is unknown, the call is
denied. Run it with the Python that has ministack 1.5.33.
"""

import http.client
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

from ministack.core import iam_actions
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

ACCOUNT = "123456789012"
# ministack guesses Lambda's operations from the path; this makes it read them from botocore.
iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]
# IAM has one action for both operations.
OPERATIONS = {
    "cloudfront:CreateDistributionWithTags": "cloudfront:CreateDistribution",
    "lambda:Invoke": "lambda:InvokeFunction",
}
# In place of the ID that AWS would give to a new resource.
NEW = "0123456789abcdef0"
EC2_KINDS = {
    "VpcId": "vpc",
    "SubnetId": "subnet",
    "GroupId": "security-group",
    "InternetGatewayId": "internet-gateway",
    "RouteTableId": "route-table",
    "PrefixListId": "prefix-list",
}
EC2_PREFIXES = {"vpc": "vpc", "subnet": "subnet", "sg": "security-group", "igw": "internet-gateway", "rtb": "route-table"}


class Request:
    """A call of AWS's API, as received."""

    def __init__(self, method, target, headers, body):
        parts = urlsplit(target)
        self.method, self.path, self.headers, self.body = method, parts.path, headers, body
        self.query = parse_qs(parts.query, keep_blank_values=True)
        self.parameters = {name: values[0] for name, values in self.query.items()}
        if "x-www-form-urlencoded" in headers.get("content-type", ""):
            form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
            self.parameters.update({name: values[0] for name, values in form.items()})
        try:
            loaded = json.loads(body) if body[:1] == b"{" else {}
        except ValueError:
            loaded = {}
        self.json = loaded
        signed = re.search(
            r"Credential=([^/]+)/\d+/([^/]*)/([^/]+)/aws4_request", headers.get("authorization", "")
        )
        self.key, self.region, self.scope = signed.groups() if signed else (None, "", "")

    def list(self, name):
        """Members of a list in the Query protocol."""
        pattern = re.compile(rf"{re.escape(name)}(\.member)?\.\d+$")
        return [value for key, value in self.parameters.items() if pattern.match(key)]

    def action(self):
        """`service:Action` as in IAM; None if it is unknown."""
        namespace = iam_actions.SERVICE_TO_IAM_NAMESPACE.get(self.scope, self.scope)
        rpc = re.match(r"/service/[^/]+/operation/(\w+)$", self.path)
        if rpc:
            return f"{namespace}:{rpc.group(1)}"
        if self.scope == "lambda":
            name = iam_actions._match_rest_action("lambda", self.method, self.path, self.parameters)
            found = f"lambda:{name}" if name else None
        else:
            found = iam_actions.extract_iam_action(
                self.scope, self.method, self.path, self.headers, self.body, self.parameters
            )
        if found is None and "." in self.headers.get("x-amz-target", ""):
            found = f"{namespace}:{self.headers['x-amz-target'].rsplit('.', 1)[1]}"
        if found and found.startswith("budgets:") and not found.endswith("Resource"):
            reads = found.split(":")[1].startswith("Describe")
            found = "budgets:ViewBudget" if reads else "budgets:ModifyBudget"
        return OPERATIONS.get(found, found)

    def tags(self):
        """Tags in the request."""
        tags = {}
        raw = next((self.json[key] for key in ("Tags", "tags", "ResourceTags") if key in self.json), None)
        if isinstance(raw, dict):
            tags.update(raw)
        for one in raw if isinstance(raw, list) else []:
            tags[one.get("Key", one.get("key"))] = one.get("Value", one.get("value", ""))
        for name, value in self.parameters.items():
            if re.match(r"(.+\.)?Tags?(\.member)?\.\d+\.Key$", name):
                tags[value] = self.parameters.get(name[: -len("Key")] + "Value", "")
        tags.update(xml_tags(self.body))
        return tags


class Gate:
    """The policies, and the resources that exist."""

    def __init__(self, emulators, identities, log, authorization):
        self.emulators = emulators
        with open(identities, encoding="utf-8") as file:
            self.policies = {
                key: [parse_policy_document(document) for document in documents]
                for key, documents in json.load(file).items()
            }
        with open(authorization, encoding="utf-8") as file:
            self.authorization = json.load(file)
        self.log, self.lock = open(log, "a", encoding="utf-8"), threading.Lock()

    def ask(self, emulator, method, target, scope, body=b"", kind="application/x-www-form-urlencoded"):
        """Calls an emulator as an identity that may do everything."""
        headers = {
            "content-type": kind,
            "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"
            f"{scope}/aws4_request, SignedHeaders=host, Signature=0",
        }
        connection = http.client.HTTPConnection(self.emulators[emulator], timeout=60)
        connection.request(method, target, body, headers)
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def decide(self, request):
        """The first denial, as (action, resource); None if everything is allowed."""
        if request.key not in self.policies:
            return None
        action = request.action()
        if action == "sts:GetCallerIdentity":
            return None
        try:
            checks = list(self.checks(request, action)) if action else []
        except Exception as error:  # an unexpected request is denied
            self.note(request, action, repr(error), False)
            return (action, "*")
        if not checks:
            self.note(request, action or f"{request.scope} {request.method} {request.path}", None, False)
            return (action or f"{request.scope}:Unknown", "*")
        for name, resource, keys in checks:
            context = EvalContext(
                principal_arn=f"arn:aws:iam::{ACCOUNT}:user/{request.key}",
                principal_type="User",
                principal_account=ACCOUNT,
                action=name,
                resource_arn=resource,
                region=request.region,
                service_context={key.lower(): value for key, value in keys.items()},
            )
            allowed = evaluate(context, self.policies[request.key]).decision == "Allow"
            self.note(request, name, resource, allowed)
            if not allowed:
                return (name, resource)
        return None

    def note(self, request, action, resource, allowed):
        line = {"key": request.key, "action": action, "resource": resource, "allowed": allowed}
        with self.lock:
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()

    def checks(self, request, action):
        """Everything that must be allowed for a call: (action, resource, condition keys)."""
        service = action.split(":")[0]
        name = action.split(":")[1]
        given = {f"aws:RequestTag/{key}": value for key, value in request.tags().items()}
        facts = self.authorization.get(action)
        if service == "ec2":
            yield from self.ec2(request, name, given)
            return
        if service == "s3":
            first = iam_actions.extract_resource_arn(
                "s3", request.method, request.path, request.headers, request.body, request.parameters, request.region, ACCOUNT
            )
            if name == "DeleteObject" and "delete" in request.parameters:
                for one, version in iam_actions._s3_batch_delete_targets(request.path.strip("/"), request.body):
                    yield ("s3:DeleteObjectVersion" if version else "s3:DeleteObject", one, {})
                return
            yield (action, first, {})
            return
        own = getattr(self, service.replace("-", "_"), None)
        resources = own(request, name) if own and (facts is None or facts["arns"]) else ["*"]
        keys = dict(given)
        if service == "ecs" and "cluster" in request.json:
            keys["ecs:cluster"] = arn(request, "ecs", f"cluster/{request.json['cluster'].split('/')[-1]}")
        if service == "iam" and "RoleName" in request.parameters:
            keys.update(self.boundary(request))
            if "PolicyArn" in request.parameters:
                keys["iam:PolicyARN"] = request.parameters["PolicyArn"]
        for resource in resources:
            yield (action, resource, {**keys, **self.resource_tags(service, resource)})
        # API Gateway asks for this action besides the verb, on the path of what is made; the reference lacks it.
        if service == "apigateway" and request.method == "POST" and given:
            yield ("apigateway:TagResource", resources[0], {})
        # Dependent actions of the reference: tags in the same request, and roles that are passed.
        tagging = {
            "cloudfront": "TagResource", "cloudwatch": "TagResource", "ecr": "TagResource", "ecs": "TagResource",
            "elasticloadbalancing": "AddTags", "iam": "TagRole", "lambda": "TagResource", "logs": "TagResource",
            "secretsmanager": "TagResource", "sns": "TagResource", "ssm": "AddTagsToResource",
        }
        if given and service in tagging and name.startswith(("Create", "Put", "Register")):
            made = self.made(request, service, name) or resources
            verb = tagging[service]
            if service == "iam":
                verb = {"CreatePolicy": "TagPolicy", "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider"}.get(name, verb)
            for resource in made:
                yield (f"{service}:{verb}", resource, given)
        roles = [request.json.get(key) for key in ("executionRoleArn", "taskRoleArn", "Role")]
        to = {"ecs": "ecs-tasks.amazonaws.com", "lambda": "lambda.amazonaws.com"}.get(service)
        for role in filter(None, roles) if to else []:
            yield ("iam:PassRole", role, {"iam:PassedToService": to})

    def boundary(self, request):
        """The permissions boundary that a role gets by a call, or has."""
        given = request.parameters.get("PermissionsBoundary")
        if given is None:
            body = f"Action=GetRole&Version=2010-05-08&RoleName={quote(request.parameters['RoleName'])}"
            answer = self.ask("main", "POST", "/", "iam", body.encode()).decode("utf-8", "replace")
            found = re.search(r"<PermissionsBoundaryArn>(.*?)</PermissionsBoundaryArn>", answer)
            given = found.group(1) if found else None
        return {"iam:PermissionsBoundary": given} if given else {}

    def made(self, request, service, name):
        """The resource that a call creates, if it is not the resource that the call names."""
        if service == "cloudfront":
            return [f"arn:aws:cloudfront::{ACCOUNT}:distribution/{NEW}"]
        if service == "elasticloadbalancing" and name == "CreateListener":
            return [request.parameters["LoadBalancerArn"].replace(":loadbalancer/", ":listener/") + f"/{NEW}"]
        if service == "elasticloadbalancing" and name == "CreateRule":
            return [request.parameters["ListenerArn"].replace(":listener/", ":listener-rule/") + f"/{NEW}"]
        return None

    def resource_tags(self, service, resource):
        """Tags of an existing resource, for services whose policies depend on them."""
        api = re.search(r":apigateway:[^:]*::/apis/([^/]+)$", resource)
        if service == "apigateway" and api:
            tags = json.loads(self.ask("main", "GET", f"/v2/apis/{api.group(1)}", "apigateway") or b"{}").get("tags") or {}
        elif service == "cloudfront" and ":distribution/" in resource and NEW not in resource:
            tags = xml_tags(self.ask("second", "GET", f"/2020-05-31/tagging?Resource={quote(resource, safe='')}", "cloudfront"))
        else:
            tags = {}
        return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}

    def ec2(self, request, name, given):
        parameters = request.parameters
        action = f"ec2:{name}"
        if name.startswith("Describe"):
            yield (action, "*", {})
            return
        if name in ("CreateTags", "DeleteTags"):
            for one in request.list("ResourceId"):
                keys = {**given, **self.ec2_tags(one)}
                yield (action, arn(request, "ec2", f"{EC2_PREFIXES[one.split('-')[0]]}/{one}"), keys)
            return
        new = {"CreateVpc": "vpc", "CreateSubnet": "subnet", "CreateSecurityGroup": "security-group",
               "CreateInternetGateway": "internet-gateway", "CreateRouteTable": "route-table"}.get(name)
        if new:
            made = arn(request, "ec2", f"{new}/{NEW}")
            yield (action, made, given)
            if given:
                yield ("ec2:CreateTags", made, {**given, "ec2:CreateAction": name})
        about = [(parameter, kind) for parameter, kind in EC2_KINDS.items() if parameter in parameters]
        ids = [parameters[parameter] for parameter, _ in about]
        if name == "GetManagedPrefixListEntries":
            yield (action, f"arn:aws:ec2:{request.region}:aws:prefix-list/{parameters['PrefixListId']}", {})
            return
        if name == "DisassociateRouteTable":
            body = (
                "Action=DescribeRouteTables&Version=2016-11-15&Filter.1.Name=association.route-table-association-id"
                f"&Filter.1.Value.1={parameters['AssociationId']}"
            )
            answer = self.ask("main", "POST", "/", "ec2", body.encode())
            ids = [re.search(rb"<routeTableId>(rtb-\w+)</routeTableId>", answer).group(1).decode()]
        for one in ids:
            yield (action, arn(request, "ec2", f"{EC2_PREFIXES[one.split('-')[0]]}/{one}"), self.ec2_tags(one))

    def ec2_tags(self, one):
        body = f"Action=DescribeTags&Version=2016-11-15&Filter.1.Name=resource-id&Filter.1.Value.1={one}"
        answer = self.ask("main", "POST", "/", "ec2", body.encode())
        items = re.findall(rb"<item>.*?</item>", answer, re.S)
        tags = {}
        for item in items:
            if one.encode() in item:
                key, value = re.search(rb"<key>(.*?)</key>", item), re.search(rb"<value>(.*?)</value>", item)
                tags[key.group(1).decode()] = value.group(1).decode() if value else ""
        return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}

    # The other services: ARNs of the resources of a call.

    def ecs(self, request, name):
        asked = request.json
        cluster = (asked.get("cluster") or "default").split("/")[-1]
        if name in ("TagResource", "UntagResource", "ListTagsForResource"):
            return [asked["resourceArn"]]
        if name == "RegisterTaskDefinition":
            return [arn(request, "ecs", f"task-definition/{asked['family']}:1")]
        if name in ("DeleteTaskDefinitions",):
            return asked["taskDefinitions"]
        if name == "RunTask":
            return [asked["taskDefinition"]]
        if name in ("DescribeTasks", "StopTask"):
            tasks = asked.get("tasks") or [asked["task"]]
            return [arn(request, "ecs", f"task/{cluster}/{one.split('/')[-1]}") for one in tasks]
        if name == "ListTasks":
            return ["*"]
        if name.endswith("Clusters") or "Cluster" in name:
            names = asked.get("clusters") or [asked.get("clusterName") or cluster]
            return [arn(request, "ecs", f"cluster/{one.split('/')[-1]}") for one in names]
        names = asked.get("services") or [asked.get("serviceName") or asked["service"]]
        return [arn(request, "ecs", f"service/{cluster}/{one.split('/')[-1]}") for one in names]

    def ecr(self, request, _name):
        asked = request.json
        if "resourceArn" in asked:
            return [asked["resourceArn"]]
        names = asked.get("repositoryNames") or [asked["repositoryName"]]
        return [arn(request, "ecr", f"repository/{one}") for one in names]

    def logs(self, request, _name):
        asked = request.json
        if "resourceArn" in asked:
            return [asked["resourceArn"]]
        return [arn(request, "logs", f"log-group:{asked['logGroupName']}")]

    def cloudwatch(self, request, name):
        if name.startswith("Describe"):
            return ["*"]
        if "ResourceARN" in request.parameters or "ResourceARN" in request.json:
            return [request.parameters.get("ResourceARN") or request.json["ResourceARN"]]
        names = request.list("AlarmNames") or request.json.get("AlarmNames") or []
        names = names or [request.parameters.get("AlarmName") or request.json["AlarmName"]]
        return [arn(request, "cloudwatch", f"alarm:{one}") for one in names]

    def iam(self, request, name):
        parameters = request.parameters
        if name == "GetUser":
            return [f"arn:aws:iam::{ACCOUNT}:user/{parameters.get('UserName', request.key)}"]
        for name in ("PolicyArn", "OpenIDConnectProviderArn"):
            if name in parameters and "RoleName" not in parameters:
                return [parameters[name]]
        if "Url" in parameters:
            return [f"arn:aws:iam::{ACCOUNT}:oidc-provider/{parameters['Url'].split('://')[1]}"]
        if "PolicyName" in parameters and "RoleName" not in parameters:
            return [f"arn:aws:iam::{ACCOUNT}:policy{parameters.get('Path', '/')}{parameters['PolicyName']}"]
        return [f"arn:aws:iam::{ACCOUNT}:role{self.role_path(request)}{parameters['RoleName']}"]

    def role_path(self, request):
        """The path that a role gets by a call, or has."""
        if "Path" in request.parameters:
            return request.parameters["Path"]
        body = f"Action=GetRole&Version=2010-05-08&RoleName={quote(request.parameters['RoleName'])}"
        answer = self.ask("main", "POST", "/", "iam", body.encode()).decode("utf-8", "replace")
        found = re.search(r"<Path>(.*?)</Path>", answer)
        return found.group(1) if found else "/"

    def sns(self, request, _name):
        parameters = request.parameters
        named = parameters.get("TopicArn") or parameters.get("ResourceArn")
        return [named or arn(request, "sns", parameters["Name"])]

    def budgets(self, request, _name):
        asked = request.json
        if "ResourceARN" in asked:
            return [asked["ResourceARN"]]
        named = asked.get("BudgetName") or (asked.get("Budget") or asked.get("NewBudget"))["BudgetName"]
        return [f"arn:aws:budgets::{ACCOUNT}:budget/{named}"]

    def account(self, _request, _name):
        return [f"arn:aws:account::{ACCOUNT}:account"]

    def servicequotas(self, request, _name):
        asked = request.json
        return [arn(request, "servicequotas", f"{asked['ServiceCode']}/{asked['QuotaCode']}")]

    def elasticloadbalancing(self, request, name):
        parameters = request.parameters
        if name.startswith("Describe"):
            return ["*"]
        made = {"CreateLoadBalancer": "loadbalancer/app", "CreateTargetGroup": "targetgroup"}.get(name)
        if made:
            return [arn(request, "elasticloadbalancing", f"{made}/{parameters['Name']}/{NEW}")]
        if name in ("AddTags", "RemoveTags"):
            return request.list("ResourceArns")
        keys = ("RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn")
        if name == "CreateListener":
            keys = ("LoadBalancerArn",)
        return [next(parameters[key] for key in keys if key in parameters)]

    # `lambda` is a keyword in Python.
    def __getattr__(self, name):
        if name == "lambda":
            return self.functions
        raise AttributeError(name)

    def functions(self, request, name):
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts[1] == "tags":
            return [unquote("/".join(request.path.strip("/").split("/")[2:]))]
        if name == "CreateFunction":
            named = request.json["FunctionName"]
        else:
            named = parts[parts.index("functions") + 1]
        found = named if named.startswith("arn:") else arn(request, "lambda", f"function:{named}")
        qualifier = request.parameters.get("Qualifier")
        return [f"{found}:{qualifier}" if qualifier else found]

    def apigateway(self, request, _name):
        return [
            iam_actions.extract_resource_arn(
                "apigateway", request.method, request.path, request.headers, request.body, request.parameters,
                request.region, ACCOUNT,
            )
        ]

    def ssm(self, request, _name):
        asked = request.json
        names = asked.get("Names") or [asked.get("Name") or asked.get("ResourceId") or asked["Path"]]
        return [arn(request, "ssm", f"parameter/{one.lstrip('/')}") for one in names]

    def secretsmanager(self, request, _name):
        named = request.json.get("SecretId") or request.json["Name"]
        # AWS appends six characters to the name.
        return [named if named.startswith("arn:") else arn(request, "secretsmanager", f"secret:{named}-AbCdEf")]

    def cloudfront(self, request, _name):
        if "Resource" in request.parameters:
            return [request.parameters["Resource"]]
        named = request.path.split("/distribution/")[1].split("/")[0]
        return [f"arn:aws:cloudfront::{ACCOUNT}:distribution/{named}"]


def xml_tags(body):
    """Tags in XML; the SDK for Go writes key and value in any order."""
    tags = {}
    for tag in re.findall(r"<Tag>(.*?)</Tag>", body.decode("utf-8", "replace"), re.S):
        key, value = re.search(r"<Key>(.*?)</Key>", tag), re.search(r"<Value>(.*?)</Value>", tag)
        tags[key.group(1)] = value.group(1) if value else ""
    return tags


def arn(request, service, resource):
    return f"arn:aws:{service}:{request.region}:{ACCOUNT}:{resource}"


def handler(gate, emulator):
    """Decides on a request, and forwards it unchanged."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def read(self):
            if "chunked" in self.headers.get("transfer-encoding", ""):
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body
            return self.rfile.read(int(self.headers.get("content-length") or 0))

        def answer(self, status, headers, body):
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            if self.command == "HEAD" and lengths:
                self.send_header("Content-Length", lengths[0])
            elif status not in (204, 304):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def serve(self):
            body = self.read()
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            denied = gate.decide(request) if request.key else None
            if denied:
                action, resource = denied
                who = f"arn:aws:iam::{ACCOUNT}:user/{request.key}"
                status, denial_headers, text = iam_actions.access_denied_response(
                    request.scope, action, who, "gate", headers=headers, resource_arn=resource,
                    message=iam_actions.identity_denial_message(action, who, resource, False),
                )
                self.answer(status, list(denial_headers.items()), text if isinstance(text, bytes) else text.encode())
                return
            connection = http.client.HTTPConnection(gate.emulators[emulator], timeout=300)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("transfer-encoding", "connection", "content-length", "expect"):
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            self.answer(answer.status, answer.getheaders(), answer.read())
            connection.close()

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

        def log_message(self, *_arguments):
            pass

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    main_url, second_url, identities, log, authorization = sys.argv[1:]
    emulators = {"main": urlsplit(main_url).netloc, "second": urlsplit(second_url).netloc}
    gate = Gate(emulators, identities, log, authorization)
    servers = {name: Server(("127.0.0.1", 0), handler(gate, name)) for name in emulators}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({name: f"http://127.0.0.1:{server.server_port}" for name, server in servers.items()}), flush=True)
    # Ends when the process that started it closes the other end.
    sys.stdin.read()


main()
