"""Cases that take long and repeat, at another size or setting, what a quick case tests.

They belong to ``make test-all`` alone, as cases marked slow where they stand do. In each file the
quick case that stays is the cheapest one of its kind.
"""

#: File -> cases, or tests with all of their cases.
SLOW = {
    'cli/test_eval.py': ['test_malformed_files_are_refused_or_scored_but_never_break[500]'],
    'cli/test_prune.py': ['test_cells_and_operations_stay_by_option_and_by_argument'],
    'cli/test_search_options.py': ['test_steps_of_a_search_are_measured'],
    'convert/test_mmpose0_config.py': [
        f'test_a_translated_network_is_the_shipped_one[ditehrnet_{name}]'
        for name in (
            *('18_coco_384x288', '18_mpii_256x256'),
            *('30_coco_256x192', '30_coco_384x288', '30_mpii_256x256'),
        )
    ],
    'convert/test_yaml_configs.py': [
        f'test_the_network_is_the_shipped_one[{name}]'
        for name in (
            *('posenas_384x288_18l_48c', 'posenas_384x288_18l_64c', 'posenas_256x256_18l_64c'),
            *('posenas_256x256_18l_48c', 'posenas_256x192_18l_64c'),
            *('hrnet_w32_CNFx5_coco_384x288', 'hrnet_w48_mpii', 'hourglass_s4_f256'),
        )
    ],
    'datasets/test_base.py': ['test_samples_do_not_depend_on_the_number_of_workers[spawn]'],
    'engine/hooks/test_arch_values.py': [
        'test_every_epoch_is_recorded_and_drawn_and_a_resumed_search_goes_on'
    ],
    'engine/loops/test_arch_search_loop.py': [
        'test_two_processes_agree_and_repeat_themselves',
        'test_the_cost_term_prefers_the_cheaper_of_two_that_fit[0-second_order]',
        'test_every_planted_edge_is_found[0-second_order]',
        'test_every_planted_edge_is_found[0-sync]',
        'test_every_planted_edge_is_found[0-single]',
        'test_passes_for_the_architecture_leave_no_trace_in_the_weights[second_order]',
        'test_the_virtual_step_is_as_long_as_the_real_one',
    ],
    'engine/loops/test_search_loop.py': [
        'test_sigterm_to_one_of_two_processes_ends_both[0]',
        'test_a_process_that_is_killed_leaves_an_archive_to_go_on_from[15]',
    ],
    'engine/loops/test_supernet_loop.py': [
        'test_two_processes_that_share_statistics_train_the_same_supernet'
    ],
    'engine/test_distillation.py': ['test_two_processes_agree_and_resume_exactly'],
    'engine/test_exact_resume.py': ['test_checkpoints_are_written_between_accumulations_only'],
    'engine/test_uneven_ranks.py': ['test_ranks_with_unequal_numbers_of_batches_end_together[few]'],
    'evaluation/functional/test_matching.py': [
        'test_resampling_covers_a_known_mean_as_often_as_it_says'
    ],
    'evaluation/metrics/test_base.py': ['test_two_processes_score_what_one_does'],
    'evaluation/test_posetrack.py': ['test_mutated_files_end_in_our_errors_or_in_scores'],
    'models/fused/test_dite_hrnet.py': [
        'test_the_fused_form_of_18_equals_the_published_one[2-96-32]',
        'test_the_smallest_images_have_an_equal_fused_form',
        'test_the_fused_form_gives_the_recorded_output[ditehrnet18_mpii_256x256-output-dtype2-1e-06]',
        'test_the_fused_form_gives_the_recorded_output'
        '[ditehrnet18_coco_256x192-output_tamed-dtype1-1e-05]',
        'test_the_fused_form_gives_the_recorded_output'
        '[ditehrnet18_mpii_256x256-output_tamed-dtype3-1e-05]',
        'test_float32_stays_within_rounding[2-96-32]',
        *(
            f'test_other_settings_have_an_equal_fused_form[{name}]'
            for name in ('no head', 'two stages', 'three blocks', 'no exchange', 'other dynamics')
        ),
        'test_other_norms_keep_the_output[group norm in the exchange]',
        'test_memory_format_does_not_matter',
    ],
    'models/fused/test_fabrics.py': [
        'test_the_fused_form_computes_the_same[hidden_states,operators,share_alpha]'
    ],
    'models/fused/test_posenas.py': [
        'test_the_published_network_saves_what_projecting_first_saves'
    ],
    'models/heads/test_cnf_head.py': [
        'test_published_operations_are_macs_in_units_of_1024_cubed'
        '[hrnet_w32_cnfx5_mpii_256x256-9.4G]',
        'test_the_published_pruned_form_also_ran_the_adaptors_of_pruned_inputs',
    ],
    'models/heads/test_center_box_head.py': ['test_a_detector_learns_where_people_are'],
    'runtime/test_engines.py': ['test_handlers_of_signals_work_after_networks_are_closed'],
    'search/algorithms/test_algorithms.py': [
        'test_evolution_beats_random_search_at_equal_evaluations[regularized]',
        'test_nsga2_dominates_as_much_as_pymoo',
        'test_an_integer_program_measures_every_option_once_and_finds_all_but_the_best[1500]',
        'test_ten_thousand_proposals_are_distinct_and_keep_to_the_budget[beam-2]',
    ],
    'search/fabrics/test_prune.py': [
        f'test_cells_and_operators_stay_where_asked[{name}]'
        for name in ('True-False', 'False-True', 'True-True')
    ],
    'search/posenas/test_memory.py': ['test_a_step_takes_what_was_predicted[recomputed]'],
    'search/posenas/test_search.py': [
        'test_a_search_killed_inside_an_epoch_resumes_to_the_same_bits[gumbel]'
    ],
    'search/posenas/test_supernet.py': [
        'test_the_derived_network_is_built_from_json_in_a_process_without_search'
    ],
    'search/test_evaluators.py': [
        'test_an_integer_program_learns_from_what_it_cannot_afford_without_labels'
    ],
    'test_configs.py': ['test_a_search_runs_for_one_epoch[posenas_search_tiny_synthetic_128x96]'],
    'test_extending.py': ['test_a_genotype_of_a_family_from_outside_is_read_in_a_fresh_process'],
    'test_faults.py': ['test_what_stays_behind_after_calls_is_told[False]'],
}


def is_slow(file: str, name: str) -> bool:
    """Tell whether a case of a file below ``tests`` is in the list."""
    cases = SLOW.get(file, ())
    return name in cases or name.partition('[')[0] in cases
