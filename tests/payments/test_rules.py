"""Every rule of money has a test that keeps it; this is the list, and none of it is made up."""

import ast

import pytest

from tests.architecture.source import ROOT

# By number: what the rule asks, and below it who keeps it.
LIST = """
1. a row before the call, and no lock during it
test_starting::test_an_attempt_is_committed_before_the_call_and_no_transaction_is_open_during_it
2. a key is a verb and a row
test_starting::test_a_call_is_keyed_by_its_verb_and_row
test_contract::test_a_key_that_comes_back_with_something_else_is_rejected
3. one open page for one booking
test_starting::test_two_tabs_at_the_same_moment_get_the_same_page
test_keeping::test_a_reservation_has_one_open_attempt
test_races::test_many_clicks_on_pay_get_one_page
test_balance::test_two_windows_share_one_attempt
4. pay again: the same page, or it is closed first
test_starting::test_a_second_click_gets_the_same_page
test_starting::test_a_page_for_another_amount_is_closed_before_a_new_one_is_made
test_stripe::test_a_guest_who_goes_to_pay_twice_has_one_page
test_plan::test_choosing_anew_closes_the_other_page_and_leaves_one_open_attempt
5. booking again never skips paying
test_starting::test_booking_again_after_an_abandoned_payment_does_not_skip_paying
6. notice and return at once confirm once
test_races::test_notice_return_and_reconciliation_at_once_confirm_once
7. a notice before our own commit
test_notices::test_a_notice_may_come_before_we_know_the_reference
test_notices::test_a_notice_of_nothing_we_know_is_kept_and_looked_at_again
8. the same notice, and the same news under another id
test_notices::test_the_same_notice_again_is_answered_and_changes_nothing
test_notices::test_the_same_change_under_another_id_changes_nothing
9. any order, nothing believed
test_any_order::test_any_news_in_any_order_lead_to_the_same_state
test_notices::test_what_a_notice_says_is_not_believed
test_stripe::test_notices_in_any_order_and_twice_confirm_once
10. half-way is not acknowledged
test_notices::test_one_that_fails_half_way_is_not_acknowledged_and_works_when_it_comes_again
test_stripe::test_a_stripe_that_never_answers_keeps_the_notice_for_another_time
11. bad notices leave no trace
test_notices::test_a_bad_notice_is_refused_and_leaves_no_trace
test_contract::test_a_signed_notice_that_says_nothing_is_refused
test_contract::test_a_notice_that_nobody_signed_is_refused
12. signed over raw bytes, one door, only POST
test_notices::test_only_the_notices_door_takes_forms_from_elsewhere
test_notices::test_the_door_is_only_open_for_post_and_for_providers_that_are_here
13. a notice from the future
test_contract::test_more_than_five_minutes_either_way_are_refused
14. old and new secret together
test_contract::test_old_and_new_secret_are_good_together
15. the other kind of money
test_applying::test_real_money_on_a_test_site_is_refused
test_stripe::test_real_money_on_a_test_site_is_refused_at_the_door
16. what doesn't match is reviewed
test_applying::test_what_does_not_match_is_never_confirmed
test_pages::test_a_payment_in_doubt_is_explained_and_not_asked_for_again
17. paid after the hold
test_applying::test_paid_after_the_hold_was_released_takes_the_places_again
test_applying::test_paid_after_somebody_else_booked_goes_back_in_full_once
18. paid twice, or on a cancelled booking
test_applying::test_paid_on_a_cancelled_reservation_goes_back
test_applying::test_of_two_payments_for_one_reservation_one_goes_back_whole
test_balance::test_a_balance_that_is_paid_twice_goes_back_once
19. closed first, then released
test_reconciling::test_a_page_is_closed_before_its_places_go
test_reconciling::test_while_the_provider_does_not_answer_the_places_are_kept_a_little_longer
test_stripe::test_a_page_is_closed_at_stripe_before_its_places_go
test_stripe::test_who_pays_in_the_last_moment_has_paid
test_stripe::test_a_revoked_key_gives_no_reservation_up
test_stripe_line::test_a_page_that_will_not_close_is_not_taken_for_closed
20. abandoned attempts end
test_reconciling::test_an_abandoned_attempt_ends_without_any_notice
21. slow money
test_applying::test_while_money_is_on_its_way_places_are_kept_and_the_guest_is_told
test_stripe::test_slow_money_keeps_the_places_and_arrives
test_stripe::test_slow_money_that_never_arrives_lets_the_places_go
22. no answer: the same key, then only a look
test_starting::test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key
test_refunds::test_a_day_later_we_look_before_asking_again_and_believe_what_is_there
test_stripe_line::test_a_lost_answer_stays_unknown_even_if_the_line_is_then_gone
test_stripe::test_while_stripe_is_silent_the_guest_is_told_that_we_are_checking
23. a failure that is repeated for ever
test_starting::test_a_key_that_never_answers_is_given_up_with_its_row
test_stripe::test_a_failure_that_stripe_repeats_for_ever_ends_with_a_new_attempt
24. the provider is down
test_starting::test_when_the_provider_is_down_the_hold_goes_on_and_trying_again_works
test_pages::test_when_the_provider_is_down_the_page_says_so_and_offers_another_try
test_stripe_line::test_where_nobody_listens_nothing_was_sent
25. a refund is a row before it is a call
test_refunds::test_a_refund_is_a_row_before_it_is_a_call_and_the_row_is_its_key
test_refunds::test_two_equal_parts_are_two_refunds
test_refunds::test_a_call_that_fails_keeps_the_row_and_repeats_its_key
test_stripe::test_a_refund_that_failed_after_acting_goes_once
26. no more goes back than came
test_races::test_refunds_at_once_never_exceed_what_came
test_refunds::test_more_than_is_left_is_refused_and_the_remainder_is_offered
test_contract::test_more_than_came_does_not_go_back
27. a refund that fails later
test_refunds::test_a_refund_that_comes_back_later_is_reversed_once_and_the_booking_stays_cancelled
test_disputes::test_c27_a_refund_that_fails_late_is_reversed_and_the_booking_stays_cancelled
28. a refund made by hand
test_refunds::test_a_refund_made_by_hand_is_recorded_once_and_counts
test_disputes::test_c28_a_refund_made_at_the_provider_is_external_and_counted_once
test_stripe::test_what_happened_at_stripe_by_hand_is_found_without_notices
29. disputes
test_disputes::test_c29_an_open_dispute_blocks_refunds
test_disputes::test_c29_a_dispute_changes_no_booking_and_no_places
test_disputes::test_c29_a_lost_dispute_is_money_out_and_no_refund
test_contract::test_a_mere_inquiry_takes_nothing_and_leaves_refunds_possible
test_stripe::test_a_dispute_takes_money_and_nothing_else
30. whole minor units, as each provider counts them
test_contract::test_stripe_counts_in_its_own_units
test_contract::test_an_amount_comes_back_as_it_went
test_contract::test_an_amount_that_stripe_cannot_take_is_declined_and_never_rounded
test_starting::test_minor_units_arrive_at_the_bank_as_they_are
31. nothing, and less than the provider takes
test_starting::test_a_total_of_nothing_never_reaches_a_provider
test_starting::test_a_payment_that_the_provider_refuses_ends_and_is_explained
test_stripe::test_less_than_stripe_takes_is_explained
32. money is never merely promised: no capture is put off
test_stripe::test_nothing_is_merely_authorised
test_keeping::test_nothing_goes_back_to_an_earlier_state
33. the balance from kept means
test_saved::test_c33_the_balance_is_charged_on_its_day_once_and_said_three_days_before
test_saved::test_c33_a_declined_card_is_tried_once_more_a_day_later_and_then_the_link_alone
test_saved::test_c33_a_bank_that_wants_to_see_the_guest_isn_t_asked_again
test_saved::test_c33_an_answer_that_was_lost_is_asked_for_under_the_same_key
test_contract::test_kept_means_are_charged_once_for_a_key
34. nothing personal leaves
test_starting::test_nothing_personal_leaves
test_stripe::test_nothing_personal_leaves
test_saved::test_the_bank_is_told_an_id_an_amount_and_nobody_s_name
35. erasure reaches the provider
test_saved::test_c35_forgetting_is_tried_until_the_provider_confirms_it
test_saved::test_c35_erasing_a_person_deletes_the_card_at_the_provider_and_keeps_the_ledger
test_contract::test_forgotten_means_are_gone_and_forgetting_twice_is_once
test_contract::test_forgetting_that_was_not_heard_is_not_taken_for_done
36. play money and real bookings never meet
test_keeping::test_the_demo_bank_cannot_be_made_in_production
test_keeping::test_in_production_there_is_no_demo_bank_and_no_door_for_its_notices
test_stripe_settings::test_a_key_that_does_not_fit_is_refused_and_named
37. only the form that pays leads elsewhere
test_pages::test_only_this_page_s_form_may_lead_to_the_provider
test_stripe::test_only_the_form_that_pays_may_lead_to_stripe
../browser/test_stripe::test_the_button_leads_to_stripe_and_back
38. the return address proves nothing and shows nobody
test_pages::test_the_return_address_alone_pays_nothing
test_pages::test_the_return_address_shows_nobody_s_name
39. no key, no network, no Stripe
test_pages::test_book_pay_cancel_and_refund_need_no_key_no_network_and_no_stripe
test_stripe::test_the_library_is_there_only_with_a_key_and_leaves_nothing_at_home
"""


def rules():
    """Return who keeps each rule, by its number."""
    found = {}
    for line in LIST.split("\n"):
        number, dot, _ = line.partition(". ")
        if dot:
            keepers = found.setdefault(int(number), [])
        elif line:
            keepers.append(line)
    return found


def test_no_rule_is_left_out():
    assert list(rules()) == list(range(1, 40))


@pytest.mark.parametrize(("number", "keepers"), rules().items())
def test_who_keeps_a_rule_exists(number, keepers):
    assert keepers
    assert [keeper for keeper in keepers if not _exists(keeper)] == []


def _exists(keeper):
    """Tell whether a test is there to be collected."""
    module, _, name = keeper.partition("::")
    path = (ROOT / "tests" / "payments" / f"{module}.py").resolve()
    if not path.exists():
        return False
    tree = ast.parse(path.read_text())
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body)
