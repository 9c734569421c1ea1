"""The examples of the two setup calls in the API document; each body works as it stands."""

from typing import Final

from drf_spectacular.utils import OpenApiExample

_SETUP_BODY: Final = {
    "internalOrgId": "org-1001",
    "organizationName": "Northwind Bakery",
    "internalUserId": "user-42",
    "user": {"firstName": "Ada", "lastName": "Diaz", "email": "ada@northwind.example", "phoneNumber": "+1 415 555 0100"},
    "userAddress": {"line1": "1 Mill Road", "city": "Oakland", "province": "California", "postalCode": "94607"},
    "shippingLocations": [{"line1": "5 Dock Street", "city": "Oakland", "province": "CA", "postalCode": "94607"}],
    "billingAddress": {"line1": "1 Mill Road", "city": "Oakland", "province": "CA", "postalCode": "94607"},
    "organizationEmail": "office@northwind.example",
    "organizationPhone": "+1 415 555 0101",
}
_SETUP_ANSWER: Final = {
    "success": True,
    "organizationId": "0b6f4f6e-2f53-4d0e-9a39-6f1f5b0a7c11",
    "profileId": "c7a1c1f2-8a0b-4c58-93f5-0d5d8a5f2a33",
    "internalOrgId": "org-1001",
    "internalUserId": "user-42",
    "organizationName": "Northwind Bakery",
    "organizationCreated": True,
    "environment": "test",
    "createdAt": "2026-01-31T09:30:00.000Z",
}
_PARTNER_BODY: Final = {
    "partner_org_id": "org-1001",
    "organization": {
        "name": "Northwind Bakery",
        "email": "office@northwind.example",
        "phone": "+1 415 555 0101",
        "addresses": [{"line1": "5 Dock Street", "city": "Oakland", "state": "CA", "zip": "94607", "is_primary": True}],
    },
    "users": [{"email": "ada@northwind.example", "first_name": "Ada", "last_name": "Diaz", "role": "admin"}],
}
_PARTNER_ANSWER: Final = {
    "success": True,
    "action": "created",
    "profile": {
        "id": "0b6f4f6e-2f53-4d0e-9a39-6f1f5b0a7c11",
        "organization_name": "Northwind Bakery",
        "partner_org_id": "org-1001",
        "email": "office@northwind.example",
        "created_at": "2026-01-31T09:30:00.000Z",
    },
    "users_created": 1,
    "addresses_created": 1,
}
SETUP_EXAMPLES: Final = [
    OpenApiExample("A user of a new organization", value=_SETUP_BODY, request_only=True),
    OpenApiExample("Created", value=_SETUP_ANSWER, response_only=True, status_codes=["201"]),
]
PARTNER_SETUP_EXAMPLES: Final = [
    OpenApiExample("An organization with one site and one user", value=_PARTNER_BODY, request_only=True),
    OpenApiExample("Created", value=_PARTNER_ANSWER, response_only=True, status_codes=["201"]),
    OpenApiExample("Updated", value={**_PARTNER_ANSWER, "action": "updated"}, response_only=True, status_codes=["200"]),
]
