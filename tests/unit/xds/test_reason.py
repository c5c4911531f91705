"""What an Envoy says of something that it refuses is reduced to the reason."""

from lateen.xds.reason import LONGEST_REASON, reason_of

CONSTRAINT = (
    'goo.gle/debugonly  \nname: "http.80/a"\nvirtual_hosts {\n  name: "a"\n}\n'
    ": Proto constraint validation failed (RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed "
    "validation | caused by RedirectActionValidationError.PathRedirect: value does not match regex pattern "
    '"^[^\\x00\\n\\r]*$")'
)


def test_of_a_broken_constraint_the_innermost_cause_is_told() -> None:
    assert reason_of(CONSTRAINT) == (
        'RedirectAction.PathRedirect: value does not match regex pattern "^[^\\x00\\n\\r]*$"'
    )


def test_the_resource_that_stands_before_the_reason_is_left_out() -> None:
    assert "virtual_hosts" not in reason_of(CONSTRAINT)


def test_a_plain_reason_is_told_as_it_is() -> None:
    assert reason_of("Invalid path: /missing.pem") == "Invalid path: /missing.pem"


def test_a_reason_is_one_line_without_marks_that_vary() -> None:
    assert reason_of('goo.gle/debugstr   \nname:  "a"\n') == 'name: "a"'


def test_a_long_message_without_a_reason_is_cut() -> None:
    assert reason_of("x" * 70_000) == "x" * LONGEST_REASON + " …"


def test_a_rejection_without_words_says_so() -> None:
    assert reason_of(" \n") == "rejected without a reason"
